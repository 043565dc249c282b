"""A guest's state, saved from one QEMU and loaded by the next."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator

from lab.errors import LabError
from lab.qmp import Qmp

TIMEOUT = 90.0
_POLL = 0.02


@dataclass(frozen=True)
class Gap:
    """While the guest stood still, in time.monotonic() seconds; a poll's length too wide rather than too narrow."""

    began: float
    ended: float


@contextmanager
def state_file() -> Iterator[int]:
    """For one guest's state. It has no name, so that none is left behind."""
    descriptor = os.memfd_create("guest-state", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def save(qmp: Qmp, state: int) -> float:
    """While the guest runs, which stops in the end. Returns when it was last known to run."""
    qmp.call("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    qmp.call("getfd", state, fdname="state")
    return _finish(qmp, "migrate")


def load(qmp: Qmp, state: int) -> None:
    """Into a QEMU that was started with `-S -incoming defer`; it is still to be told to go on."""
    os.lseek(state, 0, os.SEEK_SET)
    # One broadcast by QEMU itself, so that the guest's own are told apart by their number.
    qmp.call("migrate-set-parameters", **{"announce-rounds": 1})
    qmp.call("getfd", state, fdname="state")
    _finish(qmp, "migrate-incoming")


def _finish(qmp: Qmp, command: str) -> float:
    """Starts a migration and waits for its end. Returns the time just before that was last seen to be still ahead."""
    before = time.monotonic()
    deadline = before + TIMEOUT
    qmp.call(command, uri="fd:state")
    while True:
        asked = time.monotonic()
        answer = qmp.call("query-migrate")
        status = answer.get("status", "none")
        if status == "completed":
            return before
        if status in ("failed", "cancelled"):
            raise LabError(f"QEMU: {command}: {status}: {answer.get('error-desc', 'no reason given')}")
        if asked > deadline:
            raise LabError(f"QEMU: {command}: {status} after {TIMEOUT:g} s")
        if status != "device":  # the guest is stopped, its devices are being saved
            before = asked
        time.sleep(_POLL)
