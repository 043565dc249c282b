"""The lab's own counting: a client that calls a lossy line clean would make every scenario worthless."""

from __future__ import annotations

import os
import socket
import threading
import time
import unittest
from typing import Callable, Optional

from lab.netspace import NetworkSpace
from lab.traffic import Report, UdpFlows

ADDRESS = "127.0.0.1"


class Responder:
    """A UDP server on the loopback of a namespace; `answer(number, data)` gives the datagrams to send back."""

    def __init__(self, space: NetworkSpace, answer: Callable[[int, bytes], list[bytes]]) -> None:
        self._socket = space.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.bind((ADDRESS, 0))
        self._socket.settimeout(0.1)
        self.port = self._socket.getsockname()[1]
        self.seen = 0
        self._answer = answer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                data, peer = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            for reply in self._answer(self.seen, data):
                self._socket.sendto(reply, peer)
            self.seen += 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


class Counting(unittest.TestCase):
    def setUp(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("not root: no network namespace")
        self.space = NetworkSpace()
        self.addCleanup(self.space.close)
        self.space.require(["ip", "link", "set", "lo", "up"])
        self.responder: Optional[Responder] = None

    def exchange(self, answer: Callable[[int, bytes], list[bytes]], renew: bool = False) -> Report:
        self.responder = Responder(self.space, answer)
        self.addCleanup(self.responder.close)
        flows = UdpFlows(self.space, ADDRESS, flows=8, rate=400, port=self.responder.port)
        time.sleep(0.3)
        if renew:
            flows.renew()
        time.sleep(0.3)
        return flows.stop()

    def test_every_answer_is_counted_once(self) -> None:
        report = self.exchange(lambda _, data: [data], renew=True)
        self.assertTrue(report.clean)
        self.assertGreater(report.sent, 100)
        self.assertEqual(report.sent, self.responder.seen)
        self.assertEqual(report.answered, report.sent)

    def test_a_lost_answer_is_missing(self) -> None:
        report = self.exchange(lambda number, data: [] if number in (3, 57) else [data])
        self.assertEqual((report.missing, len(report.missing_at)), (2, 2))
        self.assertFalse(report.clean)

    def test_an_answer_that_comes_twice_is_counted(self) -> None:
        report = self.exchange(lambda number, data: [data, data] if number == 5 else [data])
        self.assertEqual((report.missing, report.duplicates), (0, 1))
        self.assertFalse(report.clean)

    def test_a_damaged_answer_is_none(self) -> None:
        report = self.exchange(lambda number, data: [data[:-1] + b"\x01"] if number == 5 else [data])
        self.assertEqual((report.missing, report.foreign), (1, 1))
        self.assertFalse(report.clean)

    def test_silence_is_not_clean(self) -> None:
        self.assertFalse(self.exchange(lambda *_: []).clean)
        self.assertFalse(Report(flows=1, rate=1).clean)
