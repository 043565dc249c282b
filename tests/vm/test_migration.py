"""A guest that is moved: saved to a file under traffic, and carried on by another QEMU."""

from __future__ import annotations

import socket
import time

from guestcase import RATE, GuestCase
from lab.application import Echo
from lab.config import GuestConfig
from lab.tap import DEVICE
from test_filters import OWN, REVERSE_ARP, address

IN_FLIGHT = 0.5  # seconds before the stop whose requests may not yet have been answered
PATIENCE = 15.0


class Migration(GuestCase):
    """Four pairs through a vIOMMU."""

    config = GuestConfig(cpus=2, memory=384)

    def setUp(self) -> None:
        super().setUp()
        opened = lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(REVERSE_ARP))
        self.wire = self.machine.tap.space.call(opened)
        self.wire.bind((DEVICE, REVERSE_ARP))
        self.addCleanup(self.wire.close)

    def test_program_goes_on(self) -> None:
        self.bind()
        echo = self.start_echo("--pairs 4")
        self.assertEqual(echo.combined(3).code, 0)
        before = echo.info()
        started = time.monotonic()
        flows = self.flows()
        time.sleep(1.0)
        gap = self.machine.migrate()
        self.check_announcement()
        time.sleep(1.0)
        report = flows.stop()
        self.assertEqual((report.duplicates, report.foreign), (0, 0), str(report.summary()))
        began, ended = gap.began - IN_FLIGHT - started, gap.ended - started
        self.assertEqual([at for at in report.missing_at if not began < at < ended], [],
                         f"lost outside of the stop from {began} to {ended}: {report.summary()}")
        self.assertGreater(report.answered, RATE, "hardly any traffic")
        self.assertTrue(echo.running())
        self.assertEqual(echo.info()["process_id"], before["process_id"])
        self.assertEqual(echo.info()["features"], before["features"])
        self.check_still_works(echo)

    def check_announcement(self) -> None:
        """One on behalf of the guest, by QEMU, and at least one by the driver, which QEMU has asked."""
        self.wire.settimeout(PATIENCE)
        for whose in ("QEMU's", "the driver's"):
            try:
                frame = self.wire.recv(2048)
            except TimeoutError:
                self.fail(f"{whose} announcement does not appear on the tap")
            self.assertEqual(frame[6:12], address(OWN))

    def check_still_works(self, echo: Echo) -> None:
        """The pairs in use are those of before, and change as before."""
        for count in (3, 4, 1):
            if count != 3:
                self.assertEqual(echo.combined(count).code, 0)
            before = echo.pairs()
            self.assert_answered(self.exchange(1.0))
            self.assert_carried(before, echo.pairs(), count)
        self.assertEqual(echo.stop().code, 0)
