"""256 queue pairs, the tap's most, in one guest."""

from __future__ import annotations

import re
import time

from guestcase import GuestCase
from lab import application
from lab.application import Echo
from lab.config import TAP_QUEUES_MAX, GuestConfig
from lab.tap import GUEST_ADDRESS
from lab.traffic import UdpFlows

PAIRS = TAP_QUEUES_MAX
OPEN_LIMIT = 120.0  # emulated, and nearly all of it in the guest's kernel
COLUMNS_MAX = 132  # of a wide terminal
STEPS = (1, 16, 128, PAIRS)
FLOWS = 512  # of a round, and a request on each of them
RATE = 500.0
ROUNDS_MAX = 20


class Many(GuestCase):
    config = GuestConfig(queues=PAIRS, cpus=2, memory=2048)

    def test_every_pair_of_256(self) -> None:
        self.bind()
        began = time.monotonic()
        self.echo = Echo(self.machine, f"--pairs {PAIRS}", OPEN_LIMIT)
        print(f"256 queue pairs answer mqctl after {time.monotonic() - began:.1f} s", flush=True)
        self.addCleanup(self.end)
        self.check_memory()
        before = self.echo.pairs()
        for count in STEPS:
            before = self.check_combined(count, before)
        self.check_all_carry()
        self.check_table(self.echo.table())

    def end(self) -> None:
        self.assertEqual(self.echo.stop().code, 0)

    def check_memory(self) -> None:
        """Nothing but rings and buffers, of each pair."""
        info = self.echo.info()
        self.assertEqual((info["queue_pairs"], info["max_queue_pairs"]), (PAIRS, PAIRS))
        least = PAIRS * info["buffers_per_pair"] * info["buffer_size"]
        self.assertGreater(info["memory_bytes"], least)
        self.assertLess(info["memory_bytes"], least * 1.1)

    def check_combined(self, count: int, before: dict) -> dict:
        """Returns the counters, as `before` is them from before the change."""
        self.succeed(f"mqctl combined {count} {self.machine.nic}")
        self.assertEqual(self.echo.show(), application.channels_text(self.machine.nic, PAIRS, count))
        self.assert_answered(self.exchange(0.5))
        after = self.echo.pairs()
        moved = application.moved(before, after)
        self.assertEqual(len(moved), PAIRS)
        others = [moved[pair] for pair in range(count, PAIRS)]
        self.assertEqual(set(others) - {(0, 0)}, set(), f"pairs behind {count} carried packets")
        return after

    def check_all_carry(self) -> None:
        """New flows until each pair has had one; all are answered."""
        before = self.echo.pairs()
        for _ in range(ROUNDS_MAX):
            flows = UdpFlows(self.machine.tap.space, GUEST_ADDRESS, FLOWS, RATE)
            time.sleep(FLOWS / RATE)
            self.assert_answered(flows.stop())
            moved = application.moved(before, self.echo.pairs())
            if all(min(packets) > 0 for packets in moved.values()):
                return
        self.assert_carried(before, self.echo.pairs(), PAIRS)

    def check_table(self, text: str) -> None:
        """Each pair's row, the columns below their titles, nothing wider than a wide terminal."""
        title, head, *rows = text.splitlines()
        self.assertTrue(title.startswith(self.machine.nic), title)
        self.assertEqual([row.split()[0] for row in rows], [*map(str, range(PAIRS)), "sum"])
        ends = [match.end() for match in re.finditer(r"\S+", head)]
        for row in rows[:-1]:
            self.assertLessEqual(len(row), COLUMNS_MAX)
            cells = list(re.finditer(r"\S+", row))
            self.assertEqual([cell.group() for cell in cells[1:2]], ["active"])
            # All but the state stand flush right.
            self.assertEqual([cell.end() for cell in cells[:1] + cells[2:]], ends[:1] + ends[2:], row)
