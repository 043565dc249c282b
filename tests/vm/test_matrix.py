"""The same application, unchanged, in guests of many shapes. Each guest has more than one peculiarity, to boot fewer."""

from __future__ import annotations

import time
from typing import Optional

from guestcase import GuestCase
from lab import application
from lab.config import GuestConfig


class Shape:
    """What is the same in every guest; the subclasses say what is expected to differ."""

    config: GuestConfig
    options = ""  # for mqperf
    pairs: int  # that the application is to use
    most: Optional[int] = None  # that it could use, when not `pairs`
    sharing: str  # of the vectors, as mqctl map says it
    largest = 1472  # payload of an unfragmented ping

    def test_application(self: "GuestCase") -> None:
        self.bind()
        echo = self.start_echo(self.options)
        most = self.most or self.pairs
        self.assertEqual(echo.show(), application.channels_text(self.machine.nic, most, self.pairs))
        self.ping()
        self.ping(size=self.largest)
        before = echo.pairs()
        self.assert_answered(self.exchange(2.0))
        self.assert_answered(self.exchange(0.5, size=self.largest))
        self.assert_carried(before, echo.pairs(), self.pairs)
        self.check_interrupts(echo)
        self.check_map(echo)
        self.check_change(echo)
        self.assertEqual(echo.stop().code, 0)

    def check_interrupts(self, echo: application.Echo) -> None:
        interrupts = echo.interrupts()
        self.assertEqual(application.vectors_elsewhere(interrupts), [])
        self.assertEqual(application.sums_that_differ(interrupts), [])
        if self.sharing == "polling":
            self.assertEqual(interrupts["vectors"], [])
        else:
            self.assertGreater(sum(row["kernel_sum"] for row in interrupts["vectors"]), 0)

    def check_map(self, echo: application.Echo) -> None:
        placement = echo.map()
        self.assertEqual(placement["vector_sharing"], self.sharing)
        self.assertEqual([row for row in placement["map"] if row["trouble"]], [])

    def check_change(self, echo: application.Echo) -> None:
        """To one pair and back under traffic."""
        if self.pairs == 1:
            return
        flows = self.flows()
        for count in (1, self.pairs):
            answer = echo.combined(count)
            self.assertEqual((answer.code, answer.err), (0, ""))
        report = flows.stop()
        self.assert_answered(report)

    def cpus_of_pairs(self, echo: application.Echo) -> list[int]:
        return [row["cpu"] for row in echo.pairs()["pairs"][: self.pairs]]


class OnePair(Shape, GuestCase):
    """1 pair; without merged receive buffers."""

    config = GuestConfig(queues=1, cpus=2, mrg_rxbuf=False)
    pairs = 1
    sharing = "per queue"


class TwoPairsSharedByPair(Shape, GuestCase):
    """2 pairs; N+2 vectors: one for both queues of a pair; no event index."""

    config = GuestConfig(queues=2, cpus=2, vectors=4, event_idx=False)
    pairs = 2
    sharing = "per pair"


class TwoVectors(Shape, GuestCase):
    """4 pairs on one vector beside that of the configuration."""

    config = GuestConfig(vectors=2)
    pairs = 4
    sharing = "shared"


class NoVectors(Shape, GuestCase):
    """No MSI-X at all: polling. No event index and no merged receive buffers either."""

    config = GuestConfig(queues=2, cpus=2, vectors=0, event_idx=False, mrg_rxbuf=False)
    pairs = 2
    sharing = "polling"


class NoMultiqueue(Shape, GuestCase):
    """mq=off: one pair, and the control queue is virtqueue 2."""

    config = GuestConfig(mq=False)
    pairs = 1
    sharing = "per queue"


class EightPairsOnNumaAndSmt(Shape, GuestCase):
    """8 pairs on 8 vCPUs: two NUMA nodes of two cores with two threads; rings of 1024; huge pages."""

    config = GuestConfig(queues=8, cpus=8, threads=2, numa_nodes=2, ring_size=1024, memory=1024, hugepages=64)
    pairs = 8
    sharing = "per queue"

    def test_each_pair_has_a_cpu_of_its_own(self) -> None:
        self.bind()
        echo = self.start_echo()
        self.assertEqual(sorted(self.cpus_of_pairs(echo)), list(range(8)))
        self.assertTrue(echo.info()["huge_pages"])
        nodes = echo.nodes_of_pairs()
        self.assertEqual(set(nodes), {0, 1})
        # 2,560 buffers of 1,984 bytes for each pair.
        self.assertEqual(echo.huge_pages_by_node(), {node: 3 * nodes.count(node) for node in (0, 1)})
        self.assertEqual(echo.info()["ring_size"], 1024)


class FewPairsOnSmt(GuestCase):
    """2 pairs on 8 vCPUs of 4 cores: no two pairs on the threads of one core."""

    config = GuestConfig(queues=2, cpus=8, threads=2)

    def test_pairs_are_on_different_cores(self) -> None:
        self.bind()
        echo = self.start_echo()
        cpus = [row["cpu"] for row in echo.pairs()["pairs"]]
        cores = [self.succeed(f"cat /sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") for cpu in cpus]
        self.assertTrue(all(core.strip() in ("0-1", "2-3", "4-5", "6-7") for core in cores), cores)
        self.assertNotEqual(cores[0], cores[1], cpus)
        self.ping()


class MorePairsThanCpus(Shape, GuestCase):
    """64 pairs offered to 2 vCPUs: as many are used as there are vCPUs."""

    config = GuestConfig(queues=64, cpus=2)
    pairs = 2
    most = 64
    sharing = "per queue"


class SixtyFourPairs(GuestCase):
    """64 pairs asked for and used on 2 vCPUs."""

    config = GuestConfig(queues=64, cpus=2, memory=1024)

    def test_all_carry_packets(self) -> None:
        self.bind()
        echo = self.start_echo("--pairs 64")
        self.assertEqual(echo.show(), application.channels_text(self.machine.nic, 64, 64))
        before = echo.pairs()
        # 64 flows do not hit every one of 64 queues; several generations of them do, and each pair must answer its own.
        flows = self.flows()
        for _ in range(12):
            time.sleep(0.5)
            flows.renew()
        self.assert_answered(flows.stop())
        self.assert_carried(before, echo.pairs(), 64)


class JumboFrames(Shape, GuestCase):
    """host_mtu=9000: a packet over several receive buffers arrives as segments, and large ones are sent."""

    config = GuestConfig(queues=2, cpus=2, host_mtu=9000)
    pairs = 2
    sharing = "per queue"
    largest = 8972

    def test_mtu_is_the_device_s(self) -> None:
        self.bind()
        self.assertEqual(self.start_echo().info()["mtu"], 9000)


