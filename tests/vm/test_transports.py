"""Devices that are reached in other ways: legacy registers on I/O ports, notifications to I/O ports, buses behind bridges."""

from __future__ import annotations

from guestcase import GuestCase
from lab.config import GuestConfig
from lab.tap import GUEST_ADDRESS, HOST_ADDRESS, PREFIX_LENGTH
from test_matrix import Shape

HUGE_PAGES = 32  # physical addresses need them


class LegacyShape(Shape):
    """Nothing between the device and memory, so the application is told to accept that."""

    options = "--no-iommu"
    features: set[str]  # some that are to be negotiated
    absent: set[str] = {"VERSION_1", "ACCESS_PLATFORM"}

    def test_features_and_size(self: "GuestCase") -> None:
        self.bind()
        info = self.start_echo(self.options).info()
        names = set(info["features"])
        self.assertLessEqual(self.features, names)
        self.assertEqual(names & self.absent, set())
        self.assertEqual(info["ring_size"], 256)


class LegacyDevice(LegacyShape, GuestCase):
    """4 pairs with a vector for each queue: the configuration lies behind the vectors' registers."""

    config = GuestConfig(legacy=True, hugepages=HUGE_PAGES)
    pairs = 4
    sharing = "per queue"
    features = {"ANY_LAYOUT", "MRG_RXBUF", "MQ", "EVENT_IDX", "INDIRECT_DESC"}

    def test_refused_unless_accepted(self) -> None:
        self.bind()
        self.refuse(f"mqperf echo --address 10.0.77.2 {self.machine.nic}", 1, "legacy device", "--no-iommu")
        self.assertEqual(self.driver(), "vfio-pci")

    def test_unbind_after_use_gives_a_working_interface(self) -> None:
        self.bind()
        echo = self.start_echo(self.options)
        self.ping()
        self.assertEqual(echo.stop().code, 0)
        self.succeed(f"mqctl unbind {self.machine.nic}")
        self.succeed(f"ip address add {GUEST_ADDRESS}/{PREFIX_LENGTH} dev eth0 && ip link set eth0 up")
        self.succeed(f"ping -c 3 -W 10 {HOST_ADDRESS}")
        self.ping()

    def test_killed_and_started_again(self) -> None:
        self.bind()
        for _ in range(3):
            echo = self.start_echo(self.options)
            self.ping()
            echo.kill()
        echo = self.start_echo(self.options)
        self.assert_answered(self.exchange(1.0))


class LegacyShortHeader(LegacyShape, GuestCase):
    """2 pairs without merged receive buffers, so with headers of 10 bytes, and without MSI-X: polling."""

    config = GuestConfig(queues=2, cpus=2, vectors=0, legacy=True, mrg_rxbuf=False, event_idx=False, hugepages=HUGE_PAGES)
    pairs = 2
    sharing = "polling"
    features = {"ANY_LAYOUT", "MQ"}


class LegacyFraming(LegacyShape, GuestCase):
    """2 pairs without ANY_LAYOUT: each header has a descriptor of its own. Behind a conventional bridge."""

    config = GuestConfig(queues=2, cpus=2, legacy=True, any_layout=False, behind="bridge", hugepages=HUGE_PAGES)
    pairs = 2
    sharing = "per queue"
    features = {"MQ", "EVENT_IDX"}
    absent = LegacyShape.absent | {"ANY_LAYOUT", "MRG_RXBUF", "INDIRECT_DESC"}


class BehindRootPort(Shape, GuestCase):
    """2 pairs on a bus of their own, below a PCIe root port."""

    config = GuestConfig(queues=2, cpus=2, behind="root-port")
    pairs = 2
    sharing = "per queue"

    def test_address(self) -> None:
        self.bind()
        self.assertEqual(self.machine.nic, "0000:01:00.0")
        self.assertEqual(self.start_echo().info()["device"], self.machine.nic)


class NotifiedByIoPorts(Shape, GuestCase):
    """2 pairs of a modern device that prefers its notifications at I/O ports."""

    config = GuestConfig(queues=2, cpus=2, io_notify=True)
    pairs = 2
    sharing = "per queue"
