"""A network namespace without a name: it exists as long as the lab (or a child of it) holds it, and no longer."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from typing import Any, Callable, Optional, Sequence

from lab.errors import LabError
from lab.process import die_with_parent

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _in_thread(work: Callable[[], Any]) -> Any:
    """A namespace is a property of the thread: what enters one does so in a thread of its own."""
    outcome: dict[str, Any] = {}

    def body() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=body, daemon=True)  # a lab that is stopped does not wait for it
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _create() -> int:
    if _libc.unshare(_CLONE_NEWNET) != 0:
        raise LabError(
            f"cannot make a network namespace: {os.strerror(ctypes.get_errno())}; "
            "run as root, or allow unprivileged user namespaces"
        )
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class NetworkSpace:
    """Owns one network namespace."""

    def __init__(self) -> None:
        self._fd = _in_thread(_create)

    def enter(self) -> None:
        """Moves the calling thread in; for preexec_fn."""
        if _libc.setns(self._fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def call(self, work: Callable[[], Any]) -> Any:
        """Runs `work` inside; sockets and processes it makes stay inside."""

        def inside() -> Any:
            self.enter()
            return work()

        return _in_thread(inside)

    def run(self, argv: Sequence[str], timeout: Optional[float] = None) -> subprocess.CompletedProcess:
        return self.call(
            lambda: subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                preexec_fn=die_with_parent,
            )
        )

    def require(self, argv: Sequence[str]) -> str:
        result = self.run(argv)
        if result.returncode != 0:
            raise LabError(f"{' '.join(argv)}: {result.stderr.strip()}")
        return result.stdout

    def write(self, path: str, text: str) -> None:
        def work() -> None:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)

        self.call(work)

    def close(self) -> None:
        os.close(self._fd)
