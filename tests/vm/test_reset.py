"""`mqctl reset`: the device is reset and set up again as it was, under traffic."""

from __future__ import annotations

from guestcase import GuestCase
from lab import application
from lab.config import GuestConfig

RESETS = 100
PAIRS = 4


class AgainAndAgain(GuestCase):
    config = GuestConfig(queues=PAIRS, cpus=PAIRS)

    def test_under_traffic(self) -> None:
        self.bind()
        echo = self.start_echo()
        self.succeed(f"mqctl combined 3 {self.machine.nic}")
        before = echo.info()
        flows = self.flows()
        done = self.run_in_guest(f"i=0; while [ $i -lt {RESETS} ]; do mqctl reset {self.machine.nic} || exit; i=$((i + 1)); done", 300)
        self.assertEqual(done.code, 0, done.err)
        report = flows.stop()
        self.assertGreater(report.answered, report.sent / 2, str(report.summary()))
        self.assertEqual((report.duplicates, report.foreign), (0, 0), str(report.summary()))

        self.assertEqual(echo.pairs()["resets"], RESETS)
        self.assertEqual(echo.info(), before)
        then = echo.pairs()
        self.assert_answered(self.exchange(3.0))
        self.assert_carried(then, echo.pairs(), 3)
        self.assertEqual(application.vectors_elsewhere(echo.interrupts()), [], "no vector has left its vCPU")
        lost = sum(row["tx_lost"] + row["rx_lost"] for row in echo.pairs()["pairs"])
        self.assertLessEqual(report.missing, lost + RESETS * 10, "what else is missing was the tap's")
        self.assertEqual(echo.stop().code, 0)
