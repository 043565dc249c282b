"""One guest through everything that an operator does and gets wrong."""

from __future__ import annotations

import time

from guestcase import GuestCase
from lab import application
from lab.config import GuestConfig
from lab.tap import GUEST_ADDRESS, HOST_ADDRESS, PREFIX_LENGTH


class Binding(GuestCase):
    """mqctl bind and unbind."""

    config = GuestConfig(queues=2, cpus=2)

    def configure_kernel_interface(self) -> None:
        self.succeed(f"ip address add {GUEST_ADDRESS}/{PREFIX_LENGTH} dev eth0 && ip link set eth0 up")

    def assert_kernel_interface_works(self) -> None:
        self.succeed(f"ping -c 3 -W 10 {HOST_ADDRESS}")
        self.ping()

    def test_bind_and_unbind_give_the_interface_back(self) -> None:
        for _ in range(2):
            self.bind()
            self.assertEqual(self.run_in_guest("ls -d /sys/class/net/eth0").code, 1)
            self.succeed(f"mqctl unbind {self.machine.nic}")
            self.assertEqual(self.driver(), "virtio-pci")
            self.assertEqual(self.succeed(f"cat /sys/bus/pci/devices/{self.machine.nic}/driver_override").strip(), "(null)")
        self.configure_kernel_interface()
        self.assert_kernel_interface_works()

    def test_unbind_after_use_gives_a_working_interface(self) -> None:
        self.bind()
        echo = self.start_echo()
        self.ping()
        self.assertEqual(echo.stop().code, 0)
        self.succeed(f"mqctl unbind {self.machine.nic}")
        self.configure_kernel_interface()
        self.assert_kernel_interface_works()

    def test_interface_in_use_is_refused_without_force(self) -> None:
        self.configure_kernel_interface()
        self.refuse(f"mqctl bind {self.machine.nic}", 1, "eth0", "--force")
        self.assertEqual(self.driver(), "virtio-pci")
        self.assert_kernel_interface_works()
        self.succeed(f"mqctl bind --force {self.machine.nic}")
        self.assertEqual(self.driver(), "vfio-pci")

    def test_dry_run_changes_nothing(self) -> None:
        said = self.succeed(f"mqctl bind --dry-run {self.machine.nic}")
        self.assertIn("driver_override", said)
        self.assertEqual(self.driver(), "virtio-pci")

    def test_missing_vfio_module(self) -> None:
        modules = self.succeed("tac /modules/order").split()
        vfio = [name for name in modules if "vfio" in name]
        if self.run_in_guest("lsmod | grep -q ^vfio_pci").code != 0:
            self.skipTest("vfio-pci is built into this kernel")
        for name in vfio:
            self.succeed(f"rmmod {name}")
        self.addCleanup(lambda: [self.succeed(f"insmod /modules/{name}.ko") for name in reversed(vfio)])
        self.refuse(f"mqctl bind {self.machine.nic}", 1, "modprobe vfio-pci")
        self.assertEqual(self.driver(), "virtio-pci")


class Running(GuestCase):
    """The application under mqctl, under fire, and beside others that want its device."""

    kills = 20

    def setUp(self) -> None:
        super().setUp()
        self.bind()

    def test_nobody_drives_the_device(self) -> None:
        for command in ("mqctl show", "mqctl combined 2", "mqctl map", "mqctl info", "mqstat"):
            self.refuse(f"{command} {self.machine.nic}", 3, self.machine.nic)

    def test_bad_numbers_of_pairs_change_nothing(self) -> None:
        nic = self.machine.nic
        echo = self.start_echo()
        said = self.refuse(f"mqctl combined 9 {nic}", 1)
        self.assertEqual(said, f"mqctl: {nic}: requested 9 queue pairs, the device has 4\n")
        self.refuse(f"mqctl combined 0 {nic}", 1, f"mqctl: {nic}: requested 0 queue pairs")
        for word in ("abc", "-1", "2x", "99999999999999999999"):
            self.refuse(f"mqctl combined {word} {nic}", 2, word)
        self.assertEqual(echo.show(), application.channels_text(nic, 4, 4))
        self.ping()

    def test_pairs_change_under_traffic(self) -> None:
        echo = self.start_echo()
        flows = self.flows()
        for count in (2, 4, 1, 3, 4):
            answer = echo.combined(count)
            self.assertEqual((answer.code, answer.err), (0, ""))
            self.assertEqual(echo.show(), application.channels_text(self.machine.nic, 4, count))
            flows.renew()
            before = echo.pairs()
            time.sleep(1.5)
            self.assert_carried(before, echo.pairs(), count)
        self.assert_answered(flows.stop())

    def test_killed_under_traffic_again_and_again(self) -> None:
        flows = self.flows()
        try:
            for _ in range(self.kills):
                echo = self.start_echo()
                before = flows.report.answered
                deadline = time.monotonic() + 15
                while flows.report.answered < before + 50:
                    self.assertLess(time.monotonic(), deadline, "no answers after a start")
                    time.sleep(0.05)
                echo.kill()
        finally:
            report = flows.stop()
        self.assertEqual((report.duplicates, report.foreign), (0, 0))
        echo = self.start_echo()
        self.assert_answered(self.exchange(2.0))
        self.assertEqual(echo.stop().code, 0)

    def test_group_in_use_names_the_holder(self) -> None:
        echo = self.start_echo()
        pid = self.succeed("pidof mqperf").strip()
        self.refuse(f"mqperf echo --address {GUEST_ADDRESS} {self.machine.nic}", 1, "mqperf", pid)
        self.ping()
        self.assertEqual(echo.stop().code, 0)

    def test_too_little_memlock(self) -> None:
        group = self.succeed(f"basename $(readlink /sys/bus/pci/devices/{self.machine.nic}/iommu_group)").strip()
        self.succeed(f"chown user /dev/vfio/{group}")
        command = f"ulimit -l 64; exec mqperf echo --address {GUEST_ADDRESS} {self.machine.nic}"
        said = self.refuse(f"su -s /bin/sh user -c 'PATH=$PATH:/tools; {command}'", 1, "memlock")
        self.assertRegex(said, r"ulimit -l|limits\.conf|LimitMEMLOCK")

    def test_link_of_the_device_is_followed(self) -> None:
        echo = self.start_echo()
        self.assertTrue(echo.info()["link_up"])
        self.machine.qmp.set_link(False)
        self.addCleanup(self.machine.qmp.set_link, True)
        self.await_link(echo, False)
        self.machine.qmp.set_link(True)
        self.await_link(echo, True)
        self.ping()

    def await_link(self, echo: application.Echo, up: bool) -> None:
        deadline = time.monotonic() + 10
        while echo.info()["link_up"] != up:
            self.assertLess(time.monotonic(), deadline, f"link is not reported {'up' if up else 'down'}")
            time.sleep(0.1)


class NoIommu(GuestCase):
    """A guest without a vIOMMU."""

    config = GuestConfig(queues=1, cpus=1, iommu=False)

    def test_one_message_says_what_to_do(self) -> None:
        said = self.refuse(f"mqctl bind {self.machine.nic}", 1, "IOMMU")
        self.assertRegex(said, r"intel_iommu=on|intel-iommu")
        self.assertEqual(self.driver(), "virtio-pci")
