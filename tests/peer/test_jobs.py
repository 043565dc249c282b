"""Every job of mqperf against dpdk-testpmd in every form of ring: each packet is accounted for on both sides."""

from __future__ import annotations

import time

from mqperf import packets, total
from peercase import RING, PeerCase

MOMENT = 0.3  # of traffic, some ten thousand packets even on a slow machine
ADDRESS = "198.18.0.2"  # where testpmd's own packets go


class Jobs:
    """The tests, for each number of queue pairs below."""

    def test_send(self) -> None:
        for name, refused in self.every_form():
            self.peer.clear()
            self.peer.forward("rxonly")
            program = self.mqperf("send", refuse=refused)
            self.check_form(program.await_ready(), name)
            time.sleep(MOMENT)
            summary = program.finish()
            received, _ = self.peer.counts()
            self.peer.stop()
            sent, done = total(summary, "tx_packets"), total(summary, "tx_completed")
            self.check_clean(summary, name)
            # What lay in the rings when the device was closed is all that may be missing.
            self.assertTrue(done <= received <= sent, f"{name}: {done} completed, {received} received, {sent} sent")
            self.assertLessEqual(sent - done, self.queues * RING, name)
            self.assertGreater(done, self.queues * RING, name)

    def test_receive(self) -> None:
        for name, refused in self.every_form():
            self.peer.clear()
            program = self.mqperf("receive", refuse=refused)
            self.check_form(program.await_ready(), name)
            self.peer.forward("txonly")
            time.sleep(MOMENT)
            self.peer.stop()
            _, sent = self.peer.counts()
            received, _ = packets(program.at_rest())
            self.check_clean(program.finish(), name)
            self.assertEqual(received, sent, name)
            self.assertGreater(sent, self.queues * RING, name)

    def test_forward(self) -> None:
        for name, refused in self.every_form():
            self.circulate(name, "macswap", refused, "forward")

    def test_echo(self) -> None:
        for name, refused in self.every_form():
            self.circulate(name, "5tswap", refused, "echo", "--address", ADDRESS)

    def circulate(self, name: str, mode: str, refused: tuple, job: str, *options: str) -> None:
        """Packets that testpmd begins with go round between the two; in the end both have counted the same."""
        self.peer.clear()
        program = self.mqperf(job, *options, refuse=refused)
        info = program.await_ready()
        self.check_form(info, name)
        self.peer.command(f"set eth-peer 0 {info['mac']}")
        self.peer.forward(mode, "start tx_first 2")
        time.sleep(MOMENT)
        self.peer.stop()
        program.at_rest()
        received, sent = self.peer.drain()
        there, back = packets(program.at_rest())
        self.check_clean(program.finish(), name)
        self.assertEqual((there, back), (sent, received), f"{name}: (received, sent) here, and the reverse there")
        self.assertEqual(there, back, f"{name}: what came in went out")
        self.assertGreater(there, self.queues * RING, name)


class OnePair(Jobs, PeerCase):
    queues = 1


class TwoPairs(Jobs, PeerCase):
    queues = 2


class FourPairs(Jobs, PeerCase):
    queues = 4


class EightPairs(Jobs, PeerCase):
    queues = 8
