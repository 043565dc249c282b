"""A TCP stack on vmq: docs/examples/tcp.cpp, an HTTP server on lwIP, and curl on the tap's side."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional, Sequence

import guestcase
from examples import example
from guestcase import GuestCase
from lab.config import GuestConfig
from lab.tap import GUEST_ADDRESS

SIZE = 8 << 20
URL = f"http://{GUEST_ADDRESS}/"


class Tcp(GuestCase):
    """What is uploaded comes back as it was, whatever is left to the device."""

    config = GuestConfig(queues=1, cpus=2)

    @classmethod
    def lacks(cls) -> Optional[str]:
        if reason := super().lacks():
            return reason
        if not shutil.which("curl"):
            return "there is no curl: tools/packages test"
        if subprocess.run(["pkg-config", "--exists", "lwip"], check=False).returncode != 0:
            return "there is no lwIP: tools/packages test"
        return None

    @classmethod
    def files(cls) -> Sequence[Path]:
        return [example("tcp", guestcase.tools_folder, "lwip")]

    def setUp(self) -> None:
        super().setUp()
        self.bind()
        folder = TemporaryDirectory(prefix="vmq-tcp-")
        self.addCleanup(folder.cleanup)
        self.file, self.copy = Path(folder.name, "file"), Path(folder.name, "copy")
        self.file.write_bytes(os.urandom(SIZE))

    def curl(self, *words: str) -> None:
        self.machine.tap.space.require(["curl", "-sS", "--fail", "--max-time", "120", *words, URL])

    def start(self, options: str) -> None:
        self.job = self.machine.guest.start(f"exec tcp {self.machine.nic} {GUEST_ADDRESS} {options}")
        self.addCleanup(self.stop)
        deadline = time.monotonic() + 30
        while self.run_in_guest(f"mqctl show {self.machine.nic}").code != 0:
            self.assertFalse(self.job.done(), "tcp has ended")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def stop(self) -> None:
        if not self.job.done():
            self.job.signal("TERM")
        self.job.wait(15)

    def counters(self) -> dict:
        return json.loads(self.succeed(f"mqstat --json {self.machine.nic}"))[0]["pairs"][0]

    def cpu_time(self) -> int:
        """The program's, in ticks of 10 ms."""
        fields = self.succeed("cat /proc/$(pidof tcp)/stat").rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def transfer(self, options: str) -> tuple[dict, dict]:
        """A file up and down again; returns what each way took: packets, and nanoseconds of CPU per byte."""
        self.start(options)
        self.curl("-o", "/dev/null")  # addresses are resolved
        seen = [(self.counters(), self.cpu_time())]
        for words in (("-H", "Expect:", "-o", "/dev/null", "-T", str(self.file)), ("-o", str(self.copy))):
            self.curl(*words)
            seen.append((self.counters(), self.cpu_time()))
        digests = [hashlib.sha256(one.read_bytes()).hexdigest() for one in (self.file, self.copy)]
        self.assertEqual(digests[0], digests[1])
        ways = []
        for (before, cpu), (after, cpu_after) in zip(seen, seen[1:]):
            way = {name: after[name] - before[name] for name in after if name.startswith(("rx_", "tx_"))}
            way["ns_per_byte"] = (cpu_after - cpu) * 1e7 / SIZE
            ways.append(way)
        up, down = ways
        print(f"tcp {options or 'as ever'}: up {up['rx_packets']} packets, {up['ns_per_byte']:.1f} ns of CPU per byte; "
              f"down {down['tx_packets']} packets, {down['ns_per_byte']:.1f} ns", flush=True)
        return up, down

    def test_as_ever(self) -> None:
        up, down = self.transfer("")
        self.assertGreaterEqual(up["rx_packets"], SIZE // 1460)
        self.assertGreaterEqual(down["tx_packets"], SIZE // 1460)

    def test_segments_put_together_by_the_device(self) -> None:
        up, down = self.transfer("coalescing")
        self.assertLess(up["rx_packets"], SIZE // 1460 // 2)
        self.assertGreaterEqual(down["tx_packets"], SIZE // 1460)

    def test_segments_cut_by_the_device(self) -> None:
        _, down = self.transfer("segments")
        self.assertLess(down["tx_packets"], SIZE // 1460 // 2)
        self.assertEqual(down["tx_software_segments"], 0)
        self.assertGreater(down["tx_attached_bytes"], SIZE * 9 // 10)

    def test_checksums_left_to_the_device(self) -> None:
        _, down = self.transfer("checksum coalescing segments")
        self.assertLess(down["tx_packets"], SIZE // 1460 // 2)
        self.assertEqual((down["tx_software_checksums"], down["tx_software_segments"]), (0, 0))

    def test_checksums_made_here(self) -> None:
        """The host verifies them."""
        _, down = self.transfer("checksum software")
        self.assertGreaterEqual(down["tx_software_checksums"], SIZE // 1460)

    def test_segments_cut_here(self) -> None:
        _, down = self.transfer("segments software")
        self.assertGreaterEqual(down["tx_packets"], SIZE // 1460)
        self.assertGreaterEqual(down["tx_software_segments"], SIZE // 1460 // 2)
        self.assertEqual(down["tx_attached_bytes"], 0)
