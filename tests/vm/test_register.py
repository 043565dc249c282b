"""The application's own memory, mapped for the device by VFIO: sent from where it lies, and unlocked when it is given back."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Sequence

import guestcase
from examples import program
from guestcase import GuestCase
from lab.config import GuestConfig
from lab.tap import DEVICE

ETHERTYPE = 0x88B5
SO_RCVBUFFORCE = 33  # socket has no name for it
ROUNDS = 200
PIECE = 1000


class Register(GuestCase):
    config = GuestConfig(queues=1, cpus=2)

    @classmethod
    def files(cls) -> Sequence[Path]:
        guestcase.programs()  # which builds the library with them
        return [program(Path(__file__).parent / "programs" / "register.cpp", guestcase.tools_folder)]

    def test_again_and_again(self) -> None:
        self.bind()
        wire = self.machine.tap.space.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE)))
        self.addCleanup(wire.close)
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)  # all of them are read at the end
        wire.bind((DEVICE, ETHERTYPE))
        wire.settimeout(5)
        self.assertEqual(self.succeed(f"register {self.machine.nic}"), f"{ROUNDS} rounds\n")
        for number in range(ROUNDS):
            expected = struct.pack("<I", number) + bytes([number & 0xFF]) * (PIECE - 4)
            self.assertEqual(wire.recv(2048)[14:], expected, f"packet {number}")
