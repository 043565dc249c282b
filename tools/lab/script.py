"""`mqlab run SCRIPT`: a shell script in the guest, its output passed on as it comes, its exit code returned."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lab.guest import Job
from lab.machine import Machine
from lab.tap import GUEST_ADDRESS, HOST_ADDRESS, PREFIX_LENGTH

_POLL = 0.5


def run(machine: Machine, script: Path) -> int:
    """The script finds the device and the addresses of its network in its environment."""
    environment = {
        "DEV": machine.nic,
        "HOST_ADDRESS": HOST_ADDRESS,
        "GUEST_ADDRESS": GUEST_ADDRESS,
        "PREFIX_LENGTH": str(PREFIX_LENGTH),
    }
    exports = " ".join(f"{name}={value}" for name, value in environment.items())
    job = machine.guest.start(f"export {exports}; exec ./{script.name}")
    printed = {"out": 0, "err": 0}
    while not job.done():
        for stream in printed:
            printed[stream] += _pass_on(job, stream, printed[stream])
        time.sleep(_POLL)
    result = job.wait(0)
    _write("out", _bytes(result.out)[printed["out"] :])
    _write("err", _bytes(result.err)[printed["err"] :])
    return result.code


def _pass_on(job: Job, stream: str, offset: int) -> int:
    """What is new. The end of a job takes its files away: what is missed here comes with its result."""
    data = _bytes(job.output(stream, offset))
    _write(stream, data)
    return len(data)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _write(stream: str, data: bytes) -> None:
    target = sys.stdout if stream == "out" else sys.stderr
    target.buffer.write(data)
    target.flush()
