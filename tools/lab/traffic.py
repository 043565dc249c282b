"""UDP requests from the tap's side, each with a number of its own, each to be answered exactly once."""

from __future__ import annotations

import selectors
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Optional

from lab.netspace import NetworkSpace

ECHO_PORT = 7
_HEADER = struct.Struct("!4sIIQ")  # magic, flow, number, time of sending in ns
_MAGIC = b"vmqL"


@dataclass
class Report:
    """What was sent and what came back. Nothing is ever sent twice."""

    flows: int
    rate: float
    sent: int = 0
    answered: int = 0
    duplicates: int = 0
    foreign: int = 0
    reordered: int = 0  # answers that came after a later request's of the same flow
    seconds: float = 0.0
    missing_at: list[float] = field(default_factory=list)  # seconds since the start, one per request without answer
    round_trips_ms: list[float] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return self.sent - self.answered

    @property
    def clean(self) -> bool:
        return self.sent > 0 and self.missing == 0 and self.duplicates == 0 and self.foreign == 0

    def summary(self) -> dict[str, object]:
        trips = sorted(self.round_trips_ms) or [0.0]
        return {
            "flows": self.flows,
            "requests_per_second": self.rate,
            "seconds": round(self.seconds, 3),
            "sent": self.sent,
            "answered": self.answered,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "foreign": self.foreign,
            "reordered": self.reordered,
            "missing_at_seconds": [round(moment, 3) for moment in self.missing_at],
            "round_trip_ms_median": round(statistics.median(trips), 3),
            "round_trip_ms_p99": round(trips[int(len(trips) * 0.99)], 3),
            "round_trip_ms_max": round(trips[-1], 3),
        }


class UdpFlows:
    """`flows` sockets that send in turn, `burst` requests each time, `rate` a second in all, from a thread of its own."""

    GRACE = 2.0  # seconds that the last requests have for their answers

    def __init__(self, space: NetworkSpace, address: str, flows: int = 64, rate: float = 200.0, size: int = 64,
                 port: int = ECHO_PORT, burst: int = 1) -> None:
        self._space = space
        self._peer = (address, port)
        self._padding = bytes(max(0, size - _HEADER.size))
        self._burst = burst
        self._opened: list[socket.socket] = []  # every socket ever; the last `flows` of them send
        self._outstanding: dict[tuple[int, int], int] = {}
        self._answered: set[tuple[int, int]] = set()
        self._latest: dict[int, int] = {}  # of each flow, the number of the latest request that was answered
        self._stop = threading.Event()
        self._renew = threading.Event()
        self.report = Report(flows, rate)
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """New flows (new source ports) from now on; what was asked on the old ones may still be answered.

        A device may keep a flow on the queue pair that it has learned for it, so that only new flows reach new pairs.
        """
        self._renew.set()

    def stop(self) -> Report:
        """Ends sending, waits for the last answers and counts."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.report

    def _run(self) -> None:
        try:
            self._space.enter()
            with selectors.DefaultSelector() as selector:
                self._exchange(selector)
        except BaseException as error:  # handed over by stop()
            self._error = error
        finally:
            for one in self._opened:
                one.close()

    def _open(self, selector: selectors.BaseSelector) -> None:
        for _ in range(self.report.flows):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setblocking(False)
            one.connect(self._peer)
            selector.register(one, selectors.EVENT_READ, len(self._opened))
            self._opened.append(one)

    def _exchange(self, selector: selectors.BaseSelector) -> None:
        self._open(selector)
        started = time.monotonic()
        while not self._stop.is_set():
            if self._renew.is_set():
                self._renew.clear()
                self._open(selector)
            due = started + self.report.sent / self.report.rate
            wait = due - time.monotonic()
            if wait <= 0:
                self._send_burst()
            self._collect(selector, max(0.0, min(wait, 0.1)))
        self.report.seconds = time.monotonic() - started
        deadline = time.monotonic() + self.GRACE
        while self._outstanding and time.monotonic() < deadline:
            self._collect(selector, 0.05)
        origin = int(started * 1e9)
        self.report.missing_at = sorted((sent - origin) / 1e9 for sent in self._outstanding.values())

    def _send_burst(self) -> None:
        turn = self.report.sent // self._burst
        for _ in range(self._burst):
            self._send(len(self._opened) - self.report.flows + turn % self.report.flows)

    def _send(self, flow: int) -> None:
        number = self.report.sent
        now = time.monotonic_ns()
        self._outstanding[flow, number] = now
        self.report.sent += 1
        try:
            self._opened[flow].send(_HEADER.pack(_MAGIC, flow, number, now) + self._padding)
        except OSError:
            pass  # no answer will come, and that is what is counted

    def _collect(self, selector: selectors.BaseSelector, wait: float) -> None:
        for key, _ in selector.select(wait):
            try:
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
            except OSError:
                continue  # e.g. port unreachable: likewise counted by the missing answer
            self._take(data, key.data)

    def _take(self, data: bytes, arrived_on: int) -> None:
        if len(data) != _HEADER.size + len(self._padding) or data[:4] != _MAGIC:
            self.report.foreign += 1
            return
        _, flow, number, sent = _HEADER.unpack_from(data)
        request = (flow, number)
        if flow == arrived_on and self._outstanding.get(request) == sent and data.endswith(self._padding):
            del self._outstanding[request]
            self._answered.add(request)
            self.report.answered += 1
            self.report.reordered += number < self._latest.get(flow, 0)
            self._latest[flow] = number
            self.report.round_trips_ms.append((time.monotonic_ns() - sent) / 1e6)
        elif request in self._answered:
            self.report.duplicates += 1
        else:
            self.report.foreign += 1
