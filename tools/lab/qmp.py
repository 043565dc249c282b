"""QEMU's own control socket: what a host does to a running guest's device."""

from __future__ import annotations

import json
import socket
from typing import Any

from lab.errors import LabError


class Qmp:
    """One command at a time."""

    TIMEOUT = 20.0

    def __init__(self, port: socket.socket) -> None:
        self._port = port
        self._port.settimeout(self.TIMEOUT)
        self._lines = port.makefile("rb")
        self._receive()  # the greeting
        self.call("qmp_capabilities")

    def call(self, command: str, *descriptors: int, **arguments: Any) -> Any:
        """`descriptors` go along with the command."""
        message = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
        data = json.dumps(message).encode() + b"\n"
        if descriptors:
            socket.send_fds(self._port, [data], descriptors)
        else:
            self._port.sendall(data)
        while True:
            answer = self._receive()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise LabError(f"QEMU: {command}: {answer['error']['desc']}")
            # anything else is an event

    def set_link(self, up: bool) -> None:
        self.call("set_link", name="nic0", up=up)

    def _receive(self) -> dict:
        line = self._lines.readline()
        if not line:
            raise LabError("QEMU closed its control socket")
        return json.loads(line)
