"""Three drivers in turn on one QEMU device: vmq, DPDK's and the kernel's. Each sends, then receives what the tap's side sends.

A job is one shell command in the guest: the program, and beside it a look at the vCPUs' times while it is in full swing.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator, Optional, Sequence

from lab.build import TREE
from lab.config import GuestConfig
from lab.errors import LabError
from lab.guest import Job
from lab.machine import Machine
from lab.process import run
from lab.tap import DEVICE

JOBS = ("send", "receive")
VCPUS = 2
OFFERED = 100_000  # packets a second that the tap's side sends
_GUEST_MAC = "52:54:00:12:34:56"
_NOBODY = "02:00:00:00:00:00"  # testpmd's own choice: the tap's side counts such frames and drops them
_SOURCE = TREE / "tests/bench/afpacket/main.cpp"
_PROGRAM = "vmq_bench_afpacket"
_PLUGINS = ("librte_net_virtio.so", "librte_mempool_ring.so")  # the others that are needed testpmd itself is linked with
_START = 0.7  # seconds until a driver that was just started is in full swing
_TESTPMD_TIMEOUT = 60.0


def config(packed: bool) -> GuestConfig:
    """One queue pair; a vCPU for the driver and one for the rest; huge pages, without which DPDK wants a wider IOMMU."""
    return GuestConfig(queues=1, cpus=VCPUS, memory=1024, hugepages=128, packed=packed)


def reason_to_skip() -> Optional[str]:
    if shutil.which("dpdk-testpmd") is None or not _plugins():
        return "no dpdk-testpmd (Debian and Ubuntu: apt-get install dpdk-dev)"
    return None


def files() -> list[Path]:
    """What the guest needs beside the tools."""
    return [Path(str(shutil.which("dpdk-testpmd"))), *_plugins(), _packet_socket_program()]


def _plugins() -> list[Path]:
    found = [sorted(Path("/usr/lib").glob(f"*/dpdk/pmds-*/{name}")) for name in _PLUGINS]
    return [paths[-1] for paths in found] if all(found) else []


@lru_cache(maxsize=None)
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="vmq-drivers-")


@lru_cache(maxsize=None)
def _packet_socket_program() -> Path:
    program = Path(_folder().name, _PROGRAM)
    run(["c++", "-std=c++20", "-O2", str(_SOURCE), "-o", str(program)], f"building {_PROGRAM}")
    return program


@dataclass(frozen=True)
class Sample:
    """One job of one driver."""

    driver: str
    job: str
    round: int
    packets: int  # as the driver's own program counts them
    seconds: float
    busy: float  # vCPUs of the guest that were at work
    tap: int  # packets that the tap counted meanwhile

    @property
    def rate(self) -> float:
        return self.packets / self.seconds


class Party:
    """A driver. Its jobs run between `begin` and `end`."""

    name: str

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.guest = machine.guest

    def begin(self) -> None:
        raise NotImplementedError

    def run(self, job: str, seconds: float) -> float:
        """Does the job for so long and returns how many vCPUs were at work."""
        raise NotImplementedError

    def end(self) -> dict[str, tuple[int, float]]:
        """job -> packets, seconds"""
        raise NotImplementedError


class Program(Party):
    """A driver whose jobs are a command each, which prints its result as JSON."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._results: dict[str, tuple[int, float]] = {}

    def command(self, job: str, seconds: float) -> str:
        raise NotImplementedError

    def result(self, job: str, printed: str) -> tuple[int, float]:
        raise NotImplementedError

    def run(self, job: str, seconds: float) -> float:
        command = self.command(job, seconds + _START)
        printed = self.guest.require(f"{command} >/tmp/printed & {_watch(seconds)}; wait $! || exit; cat /tmp/printed")
        *times, rest = printed.split("\n", 2)
        self._results[job] = self.result(job, rest)
        return _busy(times)

    def end(self) -> dict[str, tuple[int, float]]:
        return self._results


class Kernel(Program):
    """The kernel's driver, by way of a packet socket."""

    name = "kernel"

    def begin(self) -> None:
        self.guest.require("ip link set eth0 up")

    def command(self, job: str, seconds: float) -> str:
        return f"{_PROGRAM} {job} eth0 {seconds} {_NOBODY if job == 'send' else ''}"

    def result(self, job: str, printed: str) -> tuple[int, float]:
        answer = json.loads(printed)
        return answer["packets"], answer["seconds"]


class Vmq(Program):
    """mqperf with the options it has by default."""

    name = "vmq"

    def begin(self) -> None:
        _bind(self.machine)

    def command(self, job: str, seconds: float) -> str:
        return f"mqperf {job} --json --duration {seconds} {f'--to {_NOBODY}' if job == 'send' else ''} {self.machine.nic}"

    def result(self, job: str, printed: str) -> tuple[int, float]:
        answer = json.loads(printed)[0]
        counter = "tx_packets" if job == "send" else "rx_packets"
        return sum(pair[counter] for pair in answer["pairs"]), answer["seconds"]


class Dpdk(Party):
    """dpdk-testpmd: one process for all jobs, because its start takes long. It prints its counts when it ends."""

    name = "DPDK"
    _COMMANDS = "/tmp/testpmd"
    _MODES = {"send": "txonly", "receive": "rxonly"}
    _process: Job

    def begin(self) -> None:
        _bind(self.machine)
        plugins = " ".join(f"-d /lab/{name}" for name in _PLUGINS)
        self._seconds: dict[str, float] = {}
        self.guest.require("chmod 755 / && mkdir -p /var/run")  # DPDK loads nothing from below a folder that all may write to
        # Open for reading and writing: without a writer a FIFO is at its end.
        self._process = self.guest.start(
            f"rm -f {self._COMMANDS}; mkfifo {self._COMMANDS}; exec dpdk-testpmd {plugins} -l 0,1 -m 64 --in-memory "
            f"--no-telemetry -a {self.machine.nic} -- -i --nb-cores=1 --total-num-mbufs=4096 <>{self._COMMANDS}"
        )
        self._process.wait_output("testpmd>", _TESTPMD_TIMEOUT)

    def run(self, job: str, seconds: float) -> float:
        def say(line: str) -> str:
            return f"echo '{line}' >{self._COMMANDS}"

        clock = "cut -d ' ' -f 1 /proc/uptime"
        mode = say(f"set fwd {self._MODES[job]}")
        printed = self.guest.require(f"{mode}; {say('start')}; {clock}; {_watch(seconds)}; {say('stop')}; {clock}")
        begun, *times, ended = printed.splitlines()
        self._seconds[job] = float(ended) - float(begun)
        return _busy(times)

    def end(self) -> dict[str, tuple[int, float]]:
        self.guest.require(f"echo quit >{self._COMMANDS}")
        ended = self._process.wait(_TESTPMD_TIMEOUT)
        text = r"Forward statistics for port 0\s.*?RX-packets: (\d+).*?TX-packets: (\d+)"
        counts = [(int(received), int(sent)) for received, sent in re.findall(text, ended.out, re.DOTALL)]
        if ended.code != 0 or len(counts) != len(self._seconds):
            raise LabError(f"in the guest: dpdk-testpmd: exit code {ended.code}\n{ended.out}{ended.err}".rstrip())
        return {
            job: (sent if job == "send" else received, self._seconds[job])
            for job, (received, sent) in zip(self._seconds, counts)
        }


PARTIES = (Kernel, Vmq, Dpdk)


def alternate(machine: Machine, rounds: int, seconds: float) -> Iterator[Sample]:
    """Every driver's jobs, round after round. The NIC is with the kernel's driver before and after."""
    for number in range(rounds):
        for kind in PARTIES:
            yield from _samples(kind(machine), number, seconds)
        machine.guest.require(f"mqctl unbind {machine.nic}")


def _samples(party: Party, number: int, seconds: float) -> list[Sample]:
    party.begin()
    busy: dict[str, float] = {}
    taps: dict[str, int] = {}
    for job in JOBS:
        before = _tap_count(party.machine, job)
        with _source(party.machine, seconds) if job == "receive" else nullcontext():
            busy[job] = party.run(job, seconds)
        taps[job] = _tap_count(party.machine, job) - before
    return [
        Sample(party.name, job, number, packets, took, busy[job], taps[job]) for job, (packets, took) in party.end().items()
    ]


@contextmanager
def _source(machine: Machine, seconds: float) -> Iterator[None]:
    """The tap's side sends, from before what is measured until after it."""
    words = [str(_packet_socket_program()), "send", DEVICE, str(seconds + 2 * _START), _GUEST_MAC, str(OFFERED)]
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(machine.tap.space.require, words)
        yield
        sending.result()


def _bind(machine: Machine) -> None:
    machine.guest.require(f"mqctl bind {machine.nic}")


def _tap_count(machine: Machine, job: str) -> int:
    """What the guest sent or received until now. The names are the tap's side's."""
    time.sleep(0.2)  # QEMU may still be at the last ones
    link = json.loads(machine.tap.space.require(["ip", "-j", "-s", "link", "show", DEVICE]))[0]
    return link["stats64"]["rx" if job == "send" else "tx"]["packets"]


def _watch(seconds: float) -> str:
    """Prints the vCPUs' times twice, `seconds` apart."""
    return f"sleep {_START}; head -n 1 /proc/stat; sleep {seconds}; head -n 1 /proc/stat"


def _busy(times: Sequence[str]) -> float:
    """How many vCPUs were at work between two first lines of /proc/stat."""
    first, last = ([int(word) for word in line.split()[1:]] for line in times)
    user, nice, system, idle, iowait, irq, softirq, *_ = (after - before for before, after in zip(first, last))
    work = user + nice + system + irq + softirq
    return VCPUS * work / max(1, work + idle + iowait)
