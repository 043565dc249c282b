"""Which packets arrive: receive mode, MAC table, VLANs and the device's address, set by commands; announcements."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Sequence

import guestcase
from guestcase import GuestCase

from examples import example
from lab.config import GuestConfig
from lab.guest import Job
from lab.tap import DEVICE

OWN = "52:54:00:12:34:56"
STRANGER = "52:54:00:99:99:99"
OTHER = "02:00:00:00:00:07"
GROUP = "01:00:5e:00:00:05"
GROUP_2 = "01:00:5e:00:00:06"
BROADCAST = "ff:ff:ff:ff:ff:ff"
HOST = "02:00:00:00:00:01"
MARK = "02:00:00:00:00:99"  # sent last, to an address that every scenario lets through
EXPERIMENTAL = 0x88B5
VLAN = 0x8100
REVERSE_ARP = 0x8035
PATIENCE = 10.0


def address(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def frame(to: str, vlan: int = 0) -> bytes:
    tag = VLAN.to_bytes(2, "big") + vlan.to_bytes(2, "big") if vlan else b""
    return (address(to) + address(HOST) + tag + EXPERIMENTAL.to_bytes(2, "big")).ljust(60, b"\0")


class Filters(GuestCase):
    config = GuestConfig(queues=1, cpus=2)  # one pair, so that packets keep their order

    @classmethod
    def files(cls) -> Sequence[Path]:
        guestcase.programs()  # which builds the library with them
        return [example("arrivals", guestcase.tools_folder)]

    def setUp(self) -> None:
        super().setUp()
        self.bind()
        self.wire = self.machine.tap.space.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        self.wire.bind((DEVICE, 3))
        self.addCleanup(self.wire.close)

    def start(self, words: str = "") -> Job:
        job = self.machine.guest.start(f"exec arrivals {self.machine.nic} {words} filter={MARK}")
        self.addCleanup(self._end, job)
        job.wait_output("ready", 30)
        return job

    @staticmethod
    def _end(job: Job) -> None:
        if not job.done():
            job.signal("TERM")
            job.wait(15)

    def arrived(self, job: Job, frames: Sequence[bytes]) -> list[str]:
        """Sends the frames and then the mark, and tells which of them the program saw before it."""
        before = job.output().count(MARK)
        offset = len(job.output())
        for one in frames:
            self.wire.send(one)
        self.wire.send(frame(MARK))
        deadline = time.monotonic() + PATIENCE
        while job.output().count(MARK) == before:
            self.assertLess(time.monotonic(), deadline, "the mark does not arrive")
            time.sleep(0.1)
        lines = [line.split() for line in job.output(offset=offset).splitlines()]
        types = (f"{EXPERIMENTAL:04x}", f"{VLAN:04x}")
        return [words[2] for words in lines if words[0] == "packet" and words[4] in types and words[2] != MARK]

    EVERY = (OWN, STRANGER, GROUP, GROUP_2, BROADCAST)

    def all_of(self, job: Job) -> list[str]:
        return self.arrived(job, [frame(to) for to in self.EVERY])

    def info(self) -> dict:
        return json.loads(self.succeed(f"mqctl info --json {self.machine.nic}"))[0]

    def test_everything_arrives_from_open_on(self) -> None:
        job = self.start()
        self.assertEqual(sorted(self.all_of(job)), sorted(self.EVERY))
        self.assertEqual(self.arrived(job, [frame(OWN, 5), frame(STRANGER, 6)]), [OWN, STRANGER])
        self.assertTrue(self.info()["receive_mode"]["promiscuous"])

    def test_not_promiscuous_strangers_stay_out(self) -> None:
        self.assertEqual(self.all_of(self.start("filtered")), [OWN, BROADCAST])
        self.assertFalse(self.info()["receive_mode"]["promiscuous"])

    def test_every_multicast_packet(self) -> None:
        self.assertEqual(self.all_of(self.start("filtered multicast")), [OWN, GROUP, GROUP_2, BROADCAST])

    def test_the_addresses_of_the_table(self) -> None:
        job = self.start(f"filtered filter={GROUP_2} filter={STRANGER}")
        self.assertEqual(self.all_of(job), [OWN, STRANGER, GROUP_2, BROADCAST])
        self.assertEqual(self.info()["unicast_filters"], [STRANGER, MARK])
        self.assertEqual(self.info()["multicast_filters"], [GROUP_2])

    def test_another_address(self) -> None:
        job = self.start(f"filtered mac={OTHER}")
        self.assertEqual(self.arrived(job, [frame(OTHER), frame(OWN), frame(STRANGER)]), [OTHER])
        self.assertEqual(self.info()["mac"], OTHER)

    def test_only_the_vlans_that_were_added(self) -> None:
        job = self.start("filtered vlan=5 vlan=4094")
        frames = [frame(BROADCAST, 5), frame(OWN, 6), frame(OWN, 4094), frame(STRANGER, 5), frame(OWN, 4093)]
        self.assertEqual(self.arrived(job, frames), [BROADCAST, OWN])
        self.assertEqual(self.info()["vlans"], [5, 4094])

    def test_the_hosts_wish_for_an_announcement(self) -> None:
        """QEMU sends a packet of its own with the address that the device was made with; ours has the one that was set."""
        job = self.start(f"mac={OTHER}")
        self.wire.settimeout(0.2)
        for count in (1, 2):
            self.machine.qmp.call("announce-self", initial=50, max=100, rounds=1, step=10)
            self.assertTrue(self.announcement_from(OTHER), f"announcement {count} does not appear on the tap")
            deadline = time.monotonic() + PATIENCE
            while job.output().splitlines().count("announce") < count:
                self.assertLess(time.monotonic(), deadline, "the program is not told")
                time.sleep(0.1)
        self.assertTrue(self.info()["control_queue_usable"])

    def announcement_from(self, mac: str) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                data = self.wire.recv(2048)
            except TimeoutError:
                continue
            if data[:14] == address(BROADCAST) + address(mac) + REVERSE_ARP.to_bytes(2, "big"):
                self.assertEqual(data[22:28], address(mac))
                return True
        return False

    def test_a_link_that_goes_and_comes_back(self) -> None:
        job = self.start("filtered")
        self.machine.qmp.set_link(False)
        self.addCleanup(self.machine.qmp.set_link, True)
        self.await_link(False)
        self.wire.send(frame(OWN))
        self.machine.qmp.set_link(True)
        self.await_link(True)
        self.assertEqual(self.arrived(job, [frame(OWN)])[-1:], [OWN])

    def await_link(self, up: bool) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.info()["link_up"] != up:
            self.assertLess(time.monotonic(), deadline, f"link is not reported {'up' if up else 'down'}")
            time.sleep(0.1)

    def test_what_the_device_does_not_offer_is_named(self) -> None:
        self.start()
        self.refuse(f"mqctl coalesce show {self.machine.nic}", 1, self.machine.nic, "does not offer NOTF_COAL")
        self.refuse(f"mqctl coalesce rx-usecs 5 {self.machine.nic}", 1, "does not offer NOTF_COAL")
