"""dpdk-testpmd killed and restarted under traffic: vmq goes on, and loses what was in flight and no more."""

from __future__ import annotations

import time

from mqperf import total
from peercase import RING, SPLIT, PeerCase
from testpmd import Testpmd

RESTARTS = 10  # of each ring layout
PATIENCE = 15.0


class Restart(PeerCase):
    queues = 2

    def test_split(self) -> None:
        self.kill_under_traffic(refuse=(SPLIT,))

    def test_packed(self) -> None:
        self.kill_under_traffic()

    def test_backend_that_connects(self) -> None:
        """Server mode: vmq listens, and takes each testpmd that comes."""
        self.addCleanup(self.replace_peer)
        self.peer.kill()
        program = self.mqperf("send", server=True)
        self.replace_peer(client=True)
        program.await_ready()
        for restart in range(1, 4):
            self.restart(program, restart, client=True)
        self.check(program, 3)

    def kill_under_traffic(self, refuse: tuple = ()) -> None:
        self.peer.forward("macswap")
        program = self.mqperf("send", refuse=refuse)
        program.await_ready()
        for restart in range(1, RESTARTS + 1):
            self.restart(program, restart)
        self.check(program, RESTARTS)

    def restart(self, program, number: int, client: bool = False) -> None:
        before = program.stats()
        self.await_traffic(program, before)
        self.replace_peer(client)
        end = time.monotonic() + PATIENCE
        while program.stats()["reconnects"] < number:
            self.assertLess(time.monotonic(), end, f"restart {number}: not connected again\n{program.errors()}")
            time.sleep(0.02)
        self.await_traffic(program, program.stats())

    def replace_peer(self, client: bool = False) -> None:
        self.peer.kill()
        type(self).peer = Testpmd(self.socket, self.queues, client)
        self.peer.forward("macswap")

    def await_traffic(self, program, before: dict) -> None:
        """Until every pair has sent and received since `before`."""
        end = time.monotonic() + PATIENCE
        while True:
            now = program.stats()
            if all(new[counter] > old[counter] + RING for counter in ("rx_packets", "tx_packets")
                   for old, new in zip(before["pairs"], now["pairs"])):
                return
            self.assertLess(time.monotonic(), end, f"no traffic: {before['pairs']} {now['pairs']}\n{program.errors()}")
            time.sleep(0.02)

    def check(self, program, restarts: int) -> None:
        summary = program.finish()
        self.assertEqual(summary["reconnects"], restarts)
        for counter in ("drops", "rx_faults", "tx_faults"):
            self.assertEqual(total(summary, counter), 0, counter)
        for pair in summary["pairs"]:
            # Every packet that was taken came back from the backend, was in flight at one of the deaths, or is so now.
            lost, missing = pair["tx_lost"], pair["tx_packets"] - pair["tx_completed"] - pair["tx_lost"]
            self.assertLessEqual(lost, restarts * RING)
            self.assertTrue(0 <= missing <= RING, f"pair {pair['pair']}: {missing} unaccounted for")
