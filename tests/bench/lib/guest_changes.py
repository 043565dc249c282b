"""Changes of the number of queue pairs in a QEMU guest, while the host asks 64 UDP flows for answers."""
import os
import pathlib
import random
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(TREE / "tools"))
from lab import accel, build, kernel
from lab.application import Echo
from lab.config import GuestConfig
from lab.errors import LabError
from lab.machine import Machine
from lab.qemu import DEFAULT_BINARY
from lab.tap import GUEST_ADDRESS
from lab.traffic import UdpFlows
from lib.processes import Failure

SECONDS_FOR_A_CHANGE = 5
RATE = 400  # requests a second
BURST = 4  # of one flow at once, so that they could overtake each other


def _counts(pairs, changes, seed):
    """Random numbers of pairs, none the same as the one before; the first is not `pairs`."""
    chance = random.Random(seed)
    now = pairs
    for _ in range(changes):
        now = chance.choice([count for count in range(1, pairs + 1) if count != now])
        yield now


def _script(nic, counts):
    """One line for each change: hundredths of a second that mqctl took, its own start included."""
    return f"""
        for count in {' '.join(map(str, counts))}; do
            read before rest </proc/uptime
            mqctl combined $count {nic} || exit
            read after rest </proc/uptime
            echo $before $after
        done"""


def _changes(guest, pairs, changes, seed):
    guest.guest.require(f"mqctl bind {guest.nic}")
    echo = Echo(guest)
    flows = UdpFlows(guest.tap.space, GUEST_ADDRESS, rate=RATE, burst=BURST)
    done = guest.guest.run(_script(guest.nic, _counts(pairs, changes, seed)), 60 + changes * SECONDS_FOR_A_CHANGE)
    report = flows.stop()
    echo.stop()
    if done.code != 0:
        raise Failure(f"mqctl combined: exit code {done.code}: {done.err}")
    times = [float(after) - float(before) for before, after in (line.split() for line in done.out.splitlines())]
    return {"sent": report.sent, "lost": report.missing, "doubled": report.duplicates, "reordered": report.reordered,
            "microseconds": [round(1e6 * seconds) for seconds in times]}


def measure(pairs, changes, seed):
    if os.geteuid() != 0:
        raise Failure("run it as root: the guest needs a tap in a network namespace")
    subprocess.run([str(TREE / "tools/packages"), "build", "lab"], check=True)
    try:
        image = kernel.find(None)
        acceleration = accel.choose("auto", image, DEFAULT_BINARY, lambda text: print(text, file=sys.stderr))
        config = GuestConfig(queues=pairs, cpus=pairs)
        with Machine(config, image, acceleration, DEFAULT_BINARY, build.programs(None)) as guest:
            return _changes(guest, pairs, changes, seed)
    except LabError as error:
        raise Failure(str(error)) from error
