"""Collects the guest's console, to be shown when something goes wrong."""

from __future__ import annotations

import socket
import threading
from collections import deque


class Console:
    """Reads one serial port to its end in a thread of its own; keeps the last lines."""

    LINES = 400

    def __init__(self, port: socket.socket) -> None:
        self._port = port
        self._lines: deque[str] = deque(maxlen=self.LINES)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def move(self, port: socket.socket) -> None:
        """As Guest.move."""
        self._port = port

    def tail(self, count: int = 40) -> str:
        return "\n".join(list(self._lines)[-count:])

    def text(self) -> str:
        return "\n".join(list(self._lines))

    def _read(self) -> None:
        pending, port = b"", self._port
        while True:
            try:
                data = port.recv(4096)
            except OSError:
                data = b""
            if not data:
                if port is self._port:
                    break
                port = self._port
            *lines, pending = (pending + data).split(b"\n")
            self._lines.extend(line.decode(errors="replace").rstrip("\r") for line in lines)
        if pending:
            self._lines.append(pending.decode(errors="replace"))
