"""The number of queue pairs changes while dpdk-testpmd sends back all it gets."""

from __future__ import annotations

import time

from mqperf import packets, total
from peercase import PeerCase


class Pairs(PeerCase):
    queues = 4

    def test_changes_under_traffic(self) -> None:
        self.peer.clear()
        program = self.mqperf("forward", pairs=1)
        program.await_ready()
        self.peer.forward("macswap", "start tx_first 2")
        # The first growth adds memory to a running device.
        for count in (4, 1, 2, 3, 1, 4):
            program.set_pairs(count)
            before = program.stats()
            time.sleep(0.2)
            after = program.stats()
            self.assertEqual(after["queue_pairs"], count)
            moved = [new["rx_packets"] - old["rx_packets"] for old, new in zip(before["pairs"], after["pairs"])]
            self.assertEqual(moved[count:], [0] * (4 - count), f"{count} pairs, received by each: {moved}")
            self.assertGreater(moved[0], 0)
        self.peer.stop()
        program.at_rest()
        received, sent = self.peer.drain()
        there, back = packets(program.at_rest())
        summary = program.finish()
        self.assertEqual((there, back), (sent, received))
        self.assertEqual(there, back)
        self.assertEqual(total(summary, "drops"), 0)
