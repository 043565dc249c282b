"""Child processes that never outlive the lab."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from typing import Optional, Sequence

from lab.errors import LabError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """For preexec_fn: the kernel kills this process when the thread that started it ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def stop(process: subprocess.Popen, grace: float = 3.0) -> None:
    """Ends a child that leads a process group, politely first, and reaps it."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(grace)
            return
        except subprocess.TimeoutExpired:
            continue


def run(argv: Sequence[str], what: str, cwd: Optional[str] = None) -> str:
    """Runs a command to its end and returns its output; on failure raises with the last lines of it."""
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    except OSError as error:
        raise LabError(f"{what}: cannot start {argv[0]}: {error.strerror}") from error
    try:
        output, _ = process.communicate()
    except BaseException:
        stop(process)
        raise
    if process.returncode != 0:
        tail = "\n".join(output.rstrip().splitlines()[-15:])
        raise LabError(f"{what}: {argv[0]} ended with {process.returncode}\n{tail}")
    return output
