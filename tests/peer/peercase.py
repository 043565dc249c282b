"""A test case with a dpdk-testpmd as the backend, started once for a class."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Optional

import testpmd
from mqperf import Mqperf, total
from testpmd import Testpmd

tools_folder: Path  # set by main.py

RING = 256
SPLIT = "RING_PACKED"
FORMS = {  # what the frontend refuses makes the rings what they are
    "split": (SPLIT, "IN_ORDER"),
    "split in-order": (SPLIT,),
    "packed": ("IN_ORDER",),
    "packed in-order": (),
}


class PeerCase(unittest.TestCase):
    """Set `queues` in the subclass."""

    queues = 1
    peer: Testpmd
    _folder: Path
    _trouble: Optional[Exception] = None

    @classmethod
    def setUpClass(cls) -> None:
        """Neither a skip nor a failure is raised here: each test of the class is to be counted."""
        if testpmd.reason_to_skip():
            return
        cls._folder = Path(tempfile.mkdtemp(prefix="vmq-peer-"))
        cls.addClassCleanup(shutil.rmtree, cls._folder)
        cls.socket = cls._folder / "vhost"
        try:
            cls.peer = Testpmd(cls.socket, cls.queues)
            cls.addClassCleanup(lambda: cls.peer.kill())
        except OSError as error:
            cls._trouble = error

    def setUp(self) -> None:
        if reason := testpmd.reason_to_skip():
            self.skipTest(reason)
        if self._trouble is not None:
            self.fail(str(self._trouble))

    def mqperf(self, job: str, *options: str, refuse: tuple = (), pairs: int = 0, server: bool = False) -> Mqperf:
        words = [*options, "--ring-size", str(RING)]
        if refuse:
            words += ["--refuse", ",".join(refuse)]
        program = Mqperf(tools_folder, job, self.socket, self.queues, pairs or self.queues, *words, server=server)
        self.addCleanup(program.__exit__)
        return program

    def every_form(self) -> list[tuple[str, tuple]]:
        """Each ring form, with mergeable buffers and without."""
        plain = list(FORMS.items())
        return plain + [(f"{name}, not mergeable", (*refused, "MRG_RXBUF")) for name, refused in plain]

    def check_form(self, info: dict, name: str) -> None:
        """The device is what the test believes it to test."""
        self.assertEqual(info["ring_layout"], "packed" if name.startswith("packed") else "split", name)
        self.assertEqual("IN_ORDER" in info["features"], "in-order" in name, name)
        self.assertEqual("MRG_RXBUF" in info["features"], "not mergeable" not in name, name)
        self.assertEqual(info["queue_pairs"], self.queues, name)

    def check_clean(self, summary: dict, name: str) -> None:
        for counter in ("drops", "rx_faults", "tx_faults", "tx_lost"):
            self.assertEqual(total(summary, counter), 0, f"{name}: {counter}")
        for pair in summary["pairs"]:
            self.assertGreater(pair["rx_packets"] + pair["tx_packets"], 0, f"{name}: pair {pair['pair']} stood still")
