"""mqperf soak against a dpdk-testpmd that sends everything back, in every form of ring: whole, once and in order, while the
number of pairs changes."""

from __future__ import annotations

import time

from mqperf import total
from peercase import PeerCase

MOMENT = 1.0


class Soak(PeerCase):
    queues = 4

    def test_every_form(self) -> None:
        for name, refused in self.every_form():
            self.peer.clear()
            self.peer.forward("macswap")
            program = self.mqperf("soak", "--changes", "50", refuse=refused)
            self.check_form(program.await_ready() | {"queue_pairs": self.queues}, name)
            time.sleep(MOMENT)
            summary = program.finish()  # which fails when a packet was lost, doubled, damaged or overtaken
            self.peer.stop()
            self.peer.drain()
            soak = summary["soak"]
            self.assertEqual(soak["verified"], soak["sent"], f"{name}: {soak}")
            self.assertGreater(soak["verified"], 10_000, name)
            self.assertGreater(soak["changes"]["combined"]["made"], 10, name)
            self.assertEqual(total(summary, "drops"), 0, name)
