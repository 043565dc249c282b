"""`mqlab shell`: this terminal, relayed to a prompt in the guest."""

from __future__ import annotations

import os
import select
import shutil
import socket
import sys
import termios
import tty

from lab.machine import Machine

_LEAVE = b"\x1d"  # ^]
_END_OF_INPUT = b"\x04"


def kernel_words() -> str:
    """Tells the guest to start a prompt, and for what size of terminal."""
    columns, rows = shutil.get_terminal_size()
    return f"vmq.shell=1 vmq.size={rows}x{columns}"


def run(machine: Machine) -> int:
    port = machine.qemu.sockets["shell"]
    if not sys.stdin.isatty():
        _relay(port, False)
        return 0
    print(f"The guest's prompt; its virtio-net is {machine.nic}. Leave with exit or ^].", file=sys.stderr)
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        _relay(port, True)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    return 0


def _relay(port: socket.socket, terminal: bool) -> None:
    stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()
    watched: list[object] = [port]
    heard = False
    while True:
        ready, _, _ = select.select(watched, [], [])
        if port in ready:
            data = _receive(port)
            if not data:
                return
            os.write(stdout, data)
            if not heard:  # what is typed before the guest has opened its end would be lost
                heard = True
                watched.append(stdin)
        if stdin in ready:
            data = os.read(stdin, 4096)
            if terminal and _LEAVE in data:
                return
            if not data:
                watched.remove(stdin)
            port.sendall(data or _END_OF_INPUT)


def _receive(port: socket.socket) -> bytes:
    try:
        return port.recv(65536)
    except OSError:
        return b""
