"""The backend that misbehaves, and what it sees of the driver."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

from lib.processes import Process, wait_for_socket

PAIRS = 2
SIZE = 64  # bytes of a packet that it delivers
AFTER = 2000  # packets between two misdeeds, many times what a ring holds: the second one tells that pair 0 went on
TIMES = 20  # misdeeds; then pair 0 delivers nothing, so that counts can be compared
LOOK_SECONDS = 0.02
REST_SECONDS = 0.1
FIRST_SECONDS = 10.0  # for the first misdeed to happen
WATCH_SECONDS = 0.8  # after it
QUIET_SECONDS = 0.15  # after the last one, for the driver to take what lies in the ring


class Device:
    """Delivers packets on both pairs and takes what is sent; on pair 0 it breaks a rule now and then."""

    def __init__(self, program: Path, socket: Path, layout: str, kind: str, cpu: int) -> None:
        without = ["IN_ORDER"] + ["RING_PACKED"] * (layout == "split")
        self._process = Process([program, "--socket", socket, "--pairs", PAIRS, "--mode", "both", "--size", SIZE,
                                 "--yield", "--cpus", cpu, "--misbehave", kind, "--after", AFTER, "--times", TIMES,
                                 *(word for name in without for word in ("--without", name))])
        wait_for_socket(socket, self._process)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    def pairs(self) -> list[dict]:
        return self._process.ask("stats")["pairs"]

    def at_rest(self) -> list[dict]:
        """The counters once the rings are full, before the driver looks at them."""
        before, now = None, self.pairs()
        while before != now:
            time.sleep(REST_SECONDS)
            before, now = now, self.pairs()
        return now

    def watch(self, runs: Callable[[], bool]) -> Watch:
        """From before the first misdeed until a while after it, or until the driver's program ends."""
        watch = Watch(self.pairs())
        seen, end = 0, time.monotonic() + FIRST_SECONDS
        while runs() and time.monotonic() < end:
            watch.add(self.pairs())
            if seen < watch.misdeeds and (seen == 0 or watch.misdeeds == TIMES):
                end = time.monotonic() + (QUIET_SECONDS if watch.misdeeds == TIMES else WATCH_SECONDS)
            seen = watch.misdeeds
            time.sleep(LOOK_SECONDS)
        watch.add(self.pairs())
        return watch


class Watch:
    """The device's counters over a time."""

    def __init__(self, pairs: list[dict]) -> None:
        self._looks = [pairs]

    def add(self, pairs: list[dict]) -> None:
        self._looks.append(pairs)

    @property
    def misdeeds(self) -> int:
        return self._looks[-1][0]["misdeeds"]

    def sent(self, pair: int) -> int:
        """Packets that the device delivered by the rules."""
        return self._looks[-1][pair]["sent"]

    def moved_since_misdeed(self, pair: int) -> int:
        """Packets that the pair's driver took and sent back after the first misdeed."""
        first = next((look for look in self._looks if look[0]["misdeeds"]), self._looks[-1])
        return self._looks[-1][pair]["received"] - first[pair]["received"]

    def went_on(self, pair: int) -> bool:
        """Whether the driver still served the pair after the first misdeed."""
        return self.misdeeds > 1 if pair == 0 else self.moved_since_misdeed(pair) > 0

    def excess_bytes(self) -> int:
        """That the driver sent back on pair 0 beyond the 64 of each packet: memory that the device never wrote."""
        last = self._looks[-1][0]
        return last["received_bytes"] - SIZE * last["received"]
