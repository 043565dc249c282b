"""Commands in the guest: run one and wait, start one and look at it, signal it."""

from __future__ import annotations

import base64
import itertools
import socket
import threading
import time
from concurrent.futures import Future, TimeoutError as FutureTimeout
from typing import NamedTuple

from lab.errors import GuestTimeout, LabError


class Result(NamedTuple):
    """Bytes that are not UTF-8 are kept as surrogate escapes."""

    out: str
    err: str
    code: int


class Guest:
    """The lab's end of the serial line that tools/lab/guest/agent serves. Safe to use from several threads."""

    def __init__(self, port: socket.socket) -> None:
        self._port = port
        self._ids = itertools.count(1)
        self._write_lock = threading.Lock()
        self._table_lock = threading.Lock()
        self._pending: dict[str, Future] = {}
        self._gone = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_ready(self, timeout: float) -> bool:
        """True when the guest takes commands; False when the time is over or the line is closed."""
        self._ready.wait(timeout)
        return self._ready.is_set() and not self._gone

    def move(self, port: socket.socket) -> None:
        """The line goes on at `port` as soon as it ends where it is now; to be called before that, while no command is sent."""
        with self._write_lock:
            self._port = port

    def start(self, command: str) -> "Job":
        """Starts a shell command in the guest and returns at once."""
        number = str(next(self._ids))
        future: Future = Future()
        with self._table_lock:
            if self._gone:
                raise LabError("the guest is gone")
            self._pending[number] = future
        line = b"%s %s\n" % (number.encode(), base64.b64encode(command.encode()))
        with self._write_lock:
            try:
                self._port.sendall(line)
            except OSError as error:
                raise LabError("the guest is gone") from error
        return Job(self, number, command, future)

    def run(self, command: str, timeout: float = 30.0) -> Result:
        """Runs a shell command to its end. One that does not end in time is killed."""
        job = self.start(command)
        try:
            return job.wait(timeout)
        except GuestTimeout:
            job.signal("KILL")
            raise

    def require(self, command: str, timeout: float = 30.0) -> str:
        """Like run, for commands that must succeed."""
        result = self.run(command, timeout)
        if result.code != 0:
            raise LabError(f"in the guest: {command}: exit code {result.code}\n{result.out}{result.err}".rstrip())
        return result.out

    def _read(self) -> None:
        pending, port = b"", self._port
        while True:
            try:
                data = port.recv(65536)
            except OSError:
                data = b""
            if not data:
                if port is self._port:
                    break
                port = self._port
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._take(line)
        with self._table_lock:
            self._gone = True
            waiting, self._pending = self._pending, {}
        self._ready.set()
        for future in waiting.values():
            future.set_exception(LabError("the guest went away while a command ran"))

    def _take(self, line: bytes) -> None:
        if line == b"ready":
            self._ready.set()
            return
        number, code, out, err = line.split(b" ")
        with self._table_lock:
            future = self._pending.pop(number.decode(), None)
        if future is not None:
            texts = (base64.b64decode(field[1:]).decode(errors="surrogateescape") for field in (out, err))
            future.set_result(Result(*texts, int(code)))


class Job:
    """A command that runs in the guest."""

    def __init__(self, guest: Guest, number: str, command: str, future: Future) -> None:
        self._guest = guest
        self._number = number
        self._future = future
        self.command = command

    def done(self) -> bool:
        return self._future.done()

    def wait(self, timeout: float) -> Result:
        try:
            return self._future.result(timeout)
        except FutureTimeout:
            raise GuestTimeout(f"in the guest: {self.command}: no end after {timeout:g} s") from None

    def signal(self, name: str) -> None:
        """To the command and all that it started."""
        self._guest.run(f"kill -{name} -- -$(cat /run/lab/{self._number}.pid)")

    def output(self, stream: str = "out", offset: int = 0) -> str:
        """What the running command has written so far, from `offset` on."""
        result = self._guest.run(f"tail -c +{offset + 1} /run/lab/{self._number}.{stream} 2>/dev/null")
        return result.out

    def wait_output(self, text: str, timeout: float, stream: str = "out") -> None:
        """Until the command has written `text`. Its end before that is an error."""
        deadline = time.monotonic() + timeout
        while text not in self.output(stream):
            if self.done():
                result = self.wait(0)
                raise LabError(f"in the guest: {self.command}: exit code {result.code}\n{result.out}{result.err}".rstrip())
            if time.monotonic() > deadline:
                raise GuestTimeout(f"in the guest: {self.command}: no {text!r} on std{stream} after {timeout:g} s")
            time.sleep(0.1)

