"""The device is taken out of a running guest: VFIO asks for it back, and the application lets go and is told."""

from __future__ import annotations

import time
from dataclasses import replace

from guestcase import GuestCase
from lab.config import GuestConfig

LIMIT = 30.0


class Removal:
    """The test, for each ring layout below."""

    def test_under_traffic(self: GuestCase) -> None:
        self.bind()
        echo = self.start_echo()
        flows = self.flows()
        time.sleep(1)
        asked = time.monotonic()
        self.machine.qmp.call("device_del", id="nic0")
        result = echo.await_end(LIMIT)
        self.assertLess(time.monotonic() - asked, LIMIT)
        self.assertGreater(flows.stop().answered, 50, "it carried packets before")
        self.assertEqual(result.code, 1, result.out + result.err)
        self.assertIn(f"{self.machine.nic}: the system asks for the device back", result.err)
        self.assertIn("a queue pair stopped", result.err)
        self.await_gone()
        self.refuse(f"mqperf receive {self.machine.nic}", 3, self.machine.nic)

    def await_gone(self: GuestCase) -> None:
        end = time.monotonic() + LIMIT
        while self.run_in_guest(f"test -e /sys/bus/pci/devices/{self.machine.nic}").code == 0:
            self.assertLess(time.monotonic(), end, "the kernel did not get its device back")
            time.sleep(0.2)

    def _restore(self) -> None:
        """There is no NIC to give back."""


class Split(Removal, GuestCase):
    config = GuestConfig(queues=2, cpus=2, behind="root-port")


class Packed(Removal, GuestCase):
    config = replace(Split.config, packed=True)
