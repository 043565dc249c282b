"""A device that nothing keeps from the guest's memory: refused, until it is asked for; then as good as any other."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

from guestcase import GuestCase, guest_kernel
from lab import noiommu
from lab.config import GuestConfig
from lab.errors import LabError

SWITCH = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
PAGES = "/proc/sys/vm/nr_hugepages"
MORE = 12


@lru_cache(maxsize=None)
def no_modules() -> Optional[str]:
    """Why there are no vfio modules with the no-IOMMU mode for the guests' kernel, or None."""
    try:
        noiommu.with_noiommu(guest_kernel())
    except LabError as error:
        return str(error).splitlines()[0]
    return None


class Unprotected:
    """What is the same however the protection is missing; the subclasses say how."""

    config: GuestConfig
    refusal: str  # what mqperf says without the option
    mode: str  # the short form of Info::iommu_mode

    def prepare(self: GuestCase) -> None:
        self.bind()

    def start(self: GuestCase) -> str:
        return f"mqperf echo --address 10.0.77.2 {self.machine.nic}"

    def test_refused_unless_asked_for(self: GuestCase) -> None:
        self.prepare()
        self.refuse(self.start(), 1, self.refusal, "--no-iommu")

    def test_too_few_huge_pages_are_counted_to_the_page(self: GuestCase) -> None:
        self.prepare()
        before = self.succeed(f"cat {PAGES}").strip()
        self.addCleanup(self.succeed, f"echo {before} >{PAGES}")
        self.succeed(f"echo 1 >{PAGES}")
        said = self.refuse(f"{self.start()} --no-iommu", 1, "huge pages of 2 MiB are needed, 1 can be had")
        needed = re.search(r"sysctl -w vm\.nr_hugepages=(\d+)", said)
        self.assertIsNotNone(needed, said)
        # Some more, as of the pages reserved while the guest runs not all follow each other.
        self.succeed(f"echo {int(needed.group(1)) + MORE} >{PAGES}")
        echo = self.start_echo("--no-iommu")
        self.ping()
        free = self.succeed("grep HugePages_Free: /proc/meminfo").split()[1]
        self.assertEqual(int(free), MORE, "it takes not as many as the message said")
        self.assertEqual(echo.stop().code, 0)
        free = self.succeed("grep HugePages_Free: /proc/meminfo").split()[1]
        self.assertEqual(int(free), int(needed.group(1)) + MORE, "not every page was given back")

    def test_application(self: GuestCase) -> None:
        self.prepare()
        echo = self.start_echo("--no-iommu")
        info = echo.info()
        self.assertTrue(info["iommu_mode"].startswith(f"{self.mode}: nothing protects memory"), info["iommu_mode"])
        self.assertTrue(info["huge_pages"])
        self.assertIn(f" {self.mode} ", self.succeed("mqctl list"))
        self.ping()
        self.ping(size=1472)
        before = echo.pairs()
        self.assert_answered(self.exchange(2.0))
        self.assert_carried(before, echo.pairs(), self.config.queues)
        flows = self.flows()
        for count in (1, self.config.queues):
            answer = echo.combined(count)
            self.assertEqual((answer.code, answer.err), (0, ""))
        self.assert_answered(flows.stop())
        self.assertEqual(echo.stop().code, 0)
        self.succeed(f"mqctl unbind {self.machine.nic}")
        self.assertEqual(self.driver(), "virtio-pci")
        self.succeed("ip address add 10.0.77.2/24 dev eth0 && ip link set eth0 up")
        self.ping()

    def test_killed_application_leaves_a_usable_device(self: GuestCase) -> None:
        self.prepare()
        for _ in range(3):
            echo = self.start_echo("--no-iommu")
            flows = self.flows()
            self.ping()
            echo.kill()
            flows.stop()
        self.start_echo("--no-iommu")
        self.ping()


class AroundTheIommu(Unprotected, GuestCase):
    """A vIOMMU, and a device that does not offer ACCESS_PLATFORM."""

    config = GuestConfig(iommu_platform=False, hugepages=24)
    refusal = "ACCESS_PLATFORM"
    mode = "physical addresses"


class Transitional(Unprotected, GuestCase):
    """A transitional device, which cannot offer ACCESS_PLATFORM, on two NUMA nodes."""

    config = GuestConfig(transitional=True, numa_nodes=2, hugepages=32)
    refusal = "ACCESS_PLATFORM"
    mode = "physical addresses"

    def test_memory_is_on_the_nodes_of_the_pairs(self) -> None:
        self.bind()
        echo = self.start_echo("--no-iommu")
        nodes = echo.nodes_of_pairs()
        self.assertEqual(set(nodes), {0, 1})
        # Two pages for the buffers of each pair, one for the rings of all pairs of a node.
        self.assertEqual(echo.huge_pages_by_node(), {node: 2 * nodes.count(node) + 1 for node in (0, 1)})


class InNoIommuMode(GuestCase):
    """Guests that need vfio's no-IOMMU mode."""

    @classmethod
    def lacks(cls) -> Optional[str]:
        return super().lacks() or no_modules()

    def prepare(self) -> None:
        self.succeed(f"echo Y >{SWITCH}")
        self.bind()
        self.succeed("ls /dev/vfio/noiommu-*")


class NoIommuMode(InNoIommuMode, Unprotected):
    """No vIOMMU, and vfio's no-IOMMU mode."""

    config = GuestConfig(iommu=False, noiommu_mode=True, hugepages=24)
    refusal = "no-IOMMU mode"
    mode = "no-IOMMU"

    def test_bind_names_the_switch(self) -> None:
        self.succeed(f"echo N >{SWITCH}")
        self.refuse(f"mqctl bind {self.machine.nic}", 1, "no IOMMU group", f"echo Y > {SWITCH}")
        self.assertEqual(self.driver(), "virtio-pci")

    def test_second_application_is_told_who_has_it(self) -> None:
        self.prepare()
        self.start_echo("--no-iommu")
        self.refuse(f"{self.start()} --no-iommu", 1, "mqperf")
        self.refuse(f"mqctl unbind {self.machine.nic}", 1, "mqperf")
        self.ping()


class OneGibibytePage(InNoIommuMode):
    """Nothing reserved but one page of 1 GiB: all the device's memory is in it."""

    config = GuestConfig(iommu=False, noiommu_mode=True, memory=2560, hugepages_1g=1)

    def free(self) -> str:
        return self.succeed("cat /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages").strip()

    def test_application(self) -> None:
        self.prepare()
        self.assertEqual(self.free(), "1")
        echo = self.start_echo("--no-iommu")
        self.assertEqual(self.free(), "0")
        self.assert_answered(self.exchange(1.0))
        self.assertEqual(echo.stop().code, 0)
        self.assertEqual(self.free(), "1")
