"""vmq, DPDK's driver and the kernel's take turns on one device, and each of them moves packets. How fast they are is
tests/bench/guest's business: no time is judged here."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Sequence

import drivers
from guestcase import GuestCase
from lab.tap import GUEST_ADDRESS, PREFIX_LENGTH

ROUNDS = 2
SECONDS = 0.3
LEAST = 500  # packets of a job; a driver that does not work moves none
UNDER_WAY = 600  # in a ring, or in QEMU, when a job ends


class TakingTurns:
    """The same for both layouts of the rings."""

    @classmethod
    def lacks(cls) -> Optional[str]:
        return GuestCase.lacks() or drivers.reason_to_skip()

    @classmethod
    def files(cls) -> Sequence[Path]:
        return drivers.files()

    def test_all_three_move_packets(self: "GuestCase") -> None:
        self.bind()
        echo = self.start_echo()  # says which layout vmq has
        self.ping()
        self.assertEqual(echo.stop().code, 0)
        self.succeed(f"mqctl unbind {self.machine.nic}")
        self.addCleanup(self.run_in_guest, "killall -9 dpdk-testpmd")  # one that is left over keeps the device
        samples = list(drivers.alternate(self.machine, ROUNDS, SECONDS))
        expected = {(kind.name, job) for kind in drivers.PARTIES for job in drivers.JOBS}
        for number in range(ROUNDS):
            self.assertEqual({(one.driver, one.job) for one in samples if one.round == number}, expected)
        for one in samples:
            self.assertGreater(one.packets, LEAST, one)
            self.assertGreater(one.tap, LEAST, one)
            self.assertLessEqual(one.packets, one.tap + UNDER_WAY, one)
            if one.job == "send":  # nothing is lost on the way to the tap; the kernel may drop what a socket cannot hold
                self.assertLessEqual(one.tap, one.packets + UNDER_WAY, one)
        self.ping_kernel()

    def ping_kernel(self: "GuestCase") -> None:
        """The last of them has left a device that works."""
        self.succeed(f"ip address add {GUEST_ADDRESS}/{PREFIX_LENGTH} dev eth0 && ip link set eth0 up")
        self.ping()


class SplitRings(TakingTurns, GuestCase):
    """The device as it is by default."""

    config = drivers.config(packed=False)


class PackedRings(TakingTurns, GuestCase):
    """packed=on"""

    config = drivers.config(packed=True)
