"""Checksums and segments left to the device, and by it: packets from a network stack behind the tap, and back to it."""

from __future__ import annotations

import json
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import guestcase
from examples import example
from guestcase import GuestCase
from lab.config import GuestConfig
from lab.tap import DEVICE

SOL_PACKET = 263
PACKET_VNET_HDR = 15
VNET_HEADER = struct.Struct("<BBHHHH")
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4 = 0, 1
TCP, UDP = 6, 17

GUEST_MAC = bytes.fromhex("525400123456")
OUR_MAC = bytes.fromhex("020000000001")
HERE, THERE = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")  # no host has them: nobody else answers
IP_AT, TRANSPORT_AT = 14, 34
SEGMENT = 1448


def ones_sum(data: bytes) -> int:
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_header(protocol: int, length: int) -> bytes:
    return HERE + THERE + struct.pack(">HH", protocol, length)


def packet(protocol: int, payload: bytes) -> bytes:
    """From here to there, its checksum partial."""
    length = (20 if protocol == TCP else 8) + len(payload)
    partial = ones_sum(pseudo_header(protocol, length))
    if protocol == TCP:
        transport = struct.pack(">HHIIBBHHH", 1000, 2000, 0xFFFFF000, 1, 0x50, 0x18, 4096, partial, 0)
    else:
        transport = struct.pack(">HHHH", 1000, 2000, length, partial)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 7, 0x4000, 64, protocol, 0, HERE, THERE)
    ip = ip[:10] + struct.pack(">H", 0xFFFF - ones_sum(ip)) + ip[12:]
    return GUEST_MAC + OUR_MAC + b"\x08\x00" + ip + transport + payload


@dataclass(frozen=True)
class Captured:
    flags: int
    gso_type: int
    gso_size: int
    frame: bytes

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.frame[TRANSPORT_AT + 4 : TRANSPORT_AT + 8], "big")

    @property
    def payload(self) -> bytes:
        return self.frame[TRANSPORT_AT + (20 if self.frame[IP_AT + 9] == TCP else 8) :]

    def sound(self) -> Optional[str]:
        """What is wrong with the frame, whose checksum may be partial."""
        length = len(self.frame) - IP_AT
        if int.from_bytes(self.frame[IP_AT + 2 : IP_AT + 4], "big") != length:
            return "the IP length"
        if ones_sum(self.frame[IP_AT:TRANSPORT_AT]) != 0xFFFF:
            return "the IP checksum"
        pseudo = pseudo_header(self.frame[IP_AT + 9], length - 20)
        if self.flags & NEEDS_CSUM:
            at = TRANSPORT_AT + (16 if self.frame[IP_AT + 9] == TCP else 6)
            return None if self.frame[at : at + 2] == struct.pack(">H", ones_sum(pseudo)) else "the partial checksum"
        return None if ones_sum(pseudo + self.frame[TRANSPORT_AT:]) == 0xFFFF else "the checksum"


class Offloads(GuestCase):
    """docs/examples/reflect.cpp sends everything back as it came."""

    config = GuestConfig(queues=1, cpus=2)
    buffers = 18  # for 33,054 bytes

    @classmethod
    def files(cls) -> Sequence[Path]:
        return [example("reflect", guestcase.tools_folder)]

    def setUp(self) -> None:
        super().setUp()
        self.socket = self.machine.tap.space.call(self._open_socket)
        self.addCleanup(self.socket.close)
        self.bind()

    @staticmethod
    def _open_socket() -> socket.socket:
        """Sees the tap's packets with their virtio-net headers, and sends some, as a network stack does."""
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        opened.bind((DEVICE, 0x0800))
        opened.settimeout(0.5)
        return opened

    def start(self, options: str) -> None:
        self.job = self.machine.guest.start(f"exec reflect {self.machine.nic} {options}")
        self.addCleanup(self.stop)
        deadline = time.monotonic() + 30
        while self.run_in_guest(f"mqctl show {self.machine.nic}").code != 0:
            self.assertFalse(self.job.done(), "reflect has ended")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def stop(self) -> str:
        if not self.job.done():
            self.job.signal("TERM")
        return self.job.wait(15).out

    def counters(self) -> dict:
        return json.loads(self.succeed(f"mqstat --json {self.machine.nic}"))[0]["pairs"][0]

    def exchange(self, protocol: int, payload: bytes, segment_size: int = 0) -> list[Captured]:
        """Sends one packet, and returns what comes back until all of its payload is there."""
        gso = GSO_TCPV4 if segment_size else GSO_NONE
        checksum_offset = 16 if protocol == TCP else 6
        header_length = TRANSPORT_AT + (20 if protocol == TCP else 8)
        header = VNET_HEADER.pack(NEEDS_CSUM, gso, header_length, segment_size, TRANSPORT_AT, checksum_offset)
        self.socket.send(header + packet(protocol, payload))
        back: list[Captured] = []
        deadline = time.monotonic() + 15
        while sum(len(one.payload) for one in back) < len(payload) and time.monotonic() < deadline:
            try:
                data, address = self.socket.recvfrom(1 << 17)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING:
                continue
            flags, gso_type, _, gso_size, _, _ = VNET_HEADER.unpack_from(data)
            frame = data[VNET_HEADER.size :]
            if frame[IP_AT + 12 : IP_AT + 16] == THERE:
                back.append(Captured(flags, gso_type, gso_size, frame))
        for one in back:
            self.assertIsNone(one.sound())
        self.assertEqual(b"".join(one.payload for one in back), payload)
        return back

    def stream(self) -> bytes:
        return bytes(i * 7 % 251 for i in range(33000))

    def assert_segments(self, back: list[Captured]) -> None:
        self.assertEqual([len(one.payload) for one in back], [SEGMENT] * 22 + [33000 - 22 * SEGMENT])
        self.assertEqual([one.gso_type for one in back], [GSO_NONE] * 23)
        self.assertEqual([one.sequence for one in back],
                         [(0xFFFFF000 + i * SEGMENT) % 2**32 for i in range(23)])

    def test_segments_stay_together_both_ways(self) -> None:
        self.start("coalescing")
        back = self.exchange(TCP, self.stream(), SEGMENT)
        self.assertEqual([(one.gso_type, one.gso_size, one.flags & NEEDS_CSUM) for one in back],
                         [(GSO_TCPV4, SEGMENT, NEEDS_CSUM)])
        counters = self.counters()
        self.assertEqual((counters["rx_packets"], counters["tx_packets"]), (1, 1))
        self.assertEqual(counters["tx_software_segments"] + counters["tx_software_checksums"], 0)
        self.assertIn(f"length 33054 segments {self.buffers} checksum partial tcpv4 1448\n", self.stop())

    def test_what_the_device_is_not_asked_for_is_done_here(self) -> None:
        self.start("coalescing software")
        self.assert_segments(self.exchange(TCP, self.stream(), SEGMENT))
        for one in self.exchange(UDP, b"odd"):
            self.assertEqual(one.flags & NEEDS_CSUM, 0)
        counters = self.counters()
        self.assertEqual((counters["rx_packets"], counters["tx_packets"]), (2, 24))
        self.assertEqual((counters["tx_software_segments"], counters["tx_software_checksums"]), (23, 24))

    def test_a_partial_checksum_comes_and_goes(self) -> None:
        self.start("checksum")
        back = self.exchange(UDP, b"partial both ways")
        self.assertEqual([one.flags & NEEDS_CSUM for one in back], [NEEDS_CSUM])
        self.assert_segments(self.exchange(TCP, self.stream(), SEGMENT))  # the host cuts what it may not deliver whole
        self.assertIn("length 59 segments 1 checksum partial none 0\n", self.stop())

    def test_nothing_is_left_undone_unless_asked_for(self) -> None:
        self.start("nothing")
        back = self.exchange(UDP, b"whole") + self.exchange(TCP, self.stream(), SEGMENT)
        self.assertEqual([one.flags & NEEDS_CSUM for one in back], [0] * 24)
        self.assert_segments(back[1:])


class OffloadsWithoutMergedBuffers(Offloads):
    """Each buffer holds the longest packet."""

    config = GuestConfig(queues=1, cpus=2, mrg_rxbuf=False)
    buffers = 1
