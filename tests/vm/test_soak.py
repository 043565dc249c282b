"""`mqperf soak` in a guest: every packet that a UDP server on the tap's side answers comes back once, whole and in order, while
the number of pairs, RSS and the link change."""

from __future__ import annotations

import json
import socket
import threading
import time

from guestcase import GuestCase
from lab.config import GuestConfig
from lab.tap import GUEST_ADDRESS, HOST_ADDRESS

SECONDS = 20
_SO_RCVBUFFORCE = 33  # Linux; without a name in Python


class Echo:
    """Answers every datagram, on the tap's side."""

    def __init__(self, space) -> None:
        self._socket = space.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 << 20)
        self._socket.bind((HOST_ADDRESS, 7))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(65536)
                if data:
                    self._socket.sendto(data, sender)
                elif self._socket.fileno() < 0:
                    return
            except OSError:
                return

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is not connected, and wakes its reader all the same
        self._socket.close()
        self._thread.join(5)


class Soak(GuestCase):
    config = GuestConfig(queues=4, cpus=2, rss=True)

    def soak(self, *meanwhile) -> dict:
        """Runs it for SECONDS, with what is to happen meanwhile, and returns what it says of itself."""
        echo = Echo(self.machine.tap.space)
        self.addCleanup(echo.close)
        self.bind()
        job = self.machine.guest.start(f"mqperf soak --address {GUEST_ADDRESS} --to {HOST_ADDRESS} --rate 1000 --duration {SECONDS} "
                                       f"--changes 4 --json {self.machine.nic}")
        for act in meanwhile:
            act()
        result = job.wait(SECONDS + 60)
        self.assertEqual(result.code, 0, result.out + result.err)
        return json.loads(result.out)[0]["soak"]

    def assert_whole(self, report: dict) -> None:
        self.assertGreater(report["verified"], 1000, str(report))
        self.assertEqual([report[fault] for fault in ("lost", "doubled", "damaged", "reordered")], [0, 0, 0, 0], str(report))
        for kind in ("combined", "rss"):
            self.assertGreater(report["changes"][kind]["made"], 5, str(report))
            self.assertEqual(report["changes"][kind]["refused"], 0, str(report))

    def test_changes(self) -> None:
        report = self.soak()
        self.assert_whole(report)
        self.assertEqual((report["excused"], report["link_downs"]), (0, 0), str(report))
        self.assertEqual(report["sent"], report["verified"])

    def test_link_that_goes_down(self) -> None:
        def link(up: bool) -> None:
            time.sleep(4)
            self.machine.qmp.set_link(up)

        report = self.soak(lambda: link(False), lambda: link(True))
        self.assertEqual(report["link_downs"], 1, str(report))
        self.assert_whole(report)
