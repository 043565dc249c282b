"""The machine that a run was made on, in the words that its record keeps; huge pages for the time of a run."""
import contextlib
import datetime
import os
import pathlib
import platform

HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")


def _cpuinfo(field):
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return "unknown"


def describe():
    return {"processor": f"{_cpuinfo('model name')}, family {_cpuinfo('cpu family')} model {_cpuinfo('model')}",
            "virtual": "hypervisor" in _cpuinfo("flags"),
            "cpus": len(os.sched_getaffinity(0)),
            "kernel": platform.release(),
            "huge_pages": int(HUGE_PAGES.read_text()),
            "date": datetime.date.today().isoformat()}


def sentence(machine):
    kind = "virtual machine" if machine["virtual"] else "machine"
    return (f"{machine['processor']}, {machine['cpus']} processors of a {kind}, kernel {machine['kernel']}, "
            f"{machine['huge_pages']} huge pages of 2 MiB, {machine['date']}")


def load():
    return os.getloadavg()[0]


def two_cpus(text):
    """The driver's and the backend's processor: as asked for, else the first two allowed ones."""
    allowed = sorted(os.sched_getaffinity(0))
    chosen = [int(part) for part in text.split(",")] if text else allowed[:2]
    if len(chosen) != 2 or not set(chosen) <= set(allowed):
        raise SystemExit(f"two processors are wanted for driver and backend, of {allowed}: --cpus DRIVER,BACKEND")
    return chosen


@contextlib.contextmanager
def huge_pages(count=512):
    """Reserves huge pages where there are none and the kernel lets us, and gives them back."""
    before = int(HUGE_PAGES.read_text())
    reserve = before == 0 and os.access(HUGE_PAGES, os.W_OK)
    if reserve:
        HUGE_PAGES.write_text(str(count))
    try:
        yield
    finally:
        if reserve:
            HUGE_PAGES.write_text(str(before))
