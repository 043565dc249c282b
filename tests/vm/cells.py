"""The guest matrix: what kinds of device there are, and what is tried with each of them."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, Optional

from guestcase import GuestCase
from lab import application
from lab.application import Echo
from lab.config import GuestConfig
from lab.tap import GUEST_ADDRESS, PREFIX_LENGTH
from test_noiommu import SWITCH, no_modules

COLUMNS = ("ping", "flows", "9000", "combined", "unbind")
MTU = 9000
PAYLOAD = MTU - 28  # of an unfragmented ping or UDP datagram
HUGE_PAGES = 40  # physical addresses need them; four pairs with buffers of 9,000 bytes take most


@dataclass(frozen=True)
class Cell:
    """One kind of device in one kind of guest."""

    transport: str  # modern, transitional, legacy
    layout: str  # split, packed
    iommu: bool  # the guest has one, though only a modern device goes through it
    mergeable: bool
    pairs: int

    @property
    def words(self) -> tuple[str, ...]:
        buffers = "mergeable" if self.mergeable else "whole"
        return (self.transport, self.layout, "iommu" if self.iommu else "no-iommu", buffers, str(self.pairs))

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def protected(self) -> bool:
        return self.iommu and self.transport == "modern"

    def config(self) -> GuestConfig:
        return GuestConfig(
            queues=self.pairs,
            cpus=2,  # also for 4 pairs: emulated ones beyond the machine's own cost time
            memory=512,
            hugepages=0 if self.protected else HUGE_PAGES,
            packed=self.layout == "packed",
            mrg_rxbuf=self.mergeable,
            host_mtu=MTU,
            legacy=self.transport == "legacy",
            transitional=self.transport == "transitional",
            iommu=self.iommu,
            noiommu_mode=not self.iommu,
        )


def every_cell() -> list[Cell]:
    """All there are: a legacy device has no packed rings (VIRTIO 1.3, 2.8 and 6.1: the layout goes with VERSION_1)."""
    kinds = itertools.product(("modern", "transitional", "legacy"), ("split", "packed"), (True, False), (True, False), (1, 4))
    return [Cell(*kind) for kind in kinds if kind[:2] != ("legacy", "packed")]


# Each value of each column at least once, in combinations that no other scenario has.
QUICK = (
    Cell("modern", "packed", False, False, 4),
    Cell("transitional", "packed", False, True, 4),
    Cell("transitional", "split", True, False, 1),
    Cell("legacy", "split", False, False, 4),
    Cell("legacy", "split", True, True, 1),
)


class CellCase(GuestCase):
    """All of a cell's columns, in their order, on one device; the first that fails ends it."""

    cell: Cell
    seen: dict[str, str]  # column -> ok or FAILED, of those that were begun

    @classmethod
    def lacks(cls) -> Optional[str]:
        return super().lacks() or (None if cls.cell.iommu else no_modules())

    def test_cell(self) -> None:
        if not self.cell.iommu:
            self.succeed(f"echo Y >{SWITCH}")
        self.bind()
        echo = self.start_echo(f"--pairs {self.cell.pairs}{'' if self.cell.protected else ' --no-iommu'}")
        self.check_kind(echo)
        with self.column("ping"):
            self.ping()
        with self.column("flows"):
            self.check_flows(echo)
        with self.column("9000"):
            self.ping(size=PAYLOAD)
            self.assert_answered(self.exchange(0.5, size=PAYLOAD))
        with self.column("combined"):
            self.check_changes(echo)
        with self.column("unbind"):
            self.check_unbind(echo)

    @contextmanager
    def column(self, name: str) -> Iterator[None]:
        self.seen[name] = "FAILED"
        yield
        self.seen[name] = "ok"

    def check_kind(self, echo: Echo) -> None:
        """The device is of the kind that the row says."""
        info = echo.info()
        self.assertEqual("VERSION_1" in info["features"], self.cell.transport != "legacy")
        self.assertEqual("MRG_RXBUF" in info["features"], self.cell.mergeable)
        self.assertEqual("ACCESS_PLATFORM" in info["features"], self.cell.protected)
        self.assertEqual(info["mtu"], MTU)
        self.assertEqual(info["iommu_mode"].startswith("no-IOMMU"), not self.cell.iommu, info["iommu_mode"])
        self.assertEqual(echo.show(), application.channels_text(self.machine.nic, self.cell.pairs, self.cell.pairs))

    def check_flows(self, echo: Echo) -> None:
        before = echo.pairs()
        self.assert_answered(self.exchange(1.0))
        self.assert_carried(before, echo.pairs(), self.cell.pairs)

    def check_changes(self, echo: Echo) -> None:
        """Down to one pair and up again under traffic; with a single pair, one to one, and no further."""
        flows = self.flows()
        for count in (1, self.cell.pairs):
            answer = echo.combined(count)
            self.assertEqual((answer.code, answer.err), (0, ""))
            flows.renew()  # the tap keeps the flows it knows where they were
            before = echo.pairs()
            time.sleep(0.7)
            self.assert_carried(before, echo.pairs(), count)
        self.assertEqual(echo.combined(self.cell.pairs + 1).code, 1)
        self.assert_answered(flows.stop())

    def check_unbind(self, echo: Echo) -> None:
        """The kernel's driver has the device back, and it works."""
        self.assertEqual(echo.stop().code, 0)
        self.succeed(f"mqctl unbind {self.machine.nic}")
        self.assertEqual(self.driver(), "virtio-pci")
        self.succeed(f"ip address add {GUEST_ADDRESS}/{PREFIX_LENGTH} dev eth0 && ip link set eth0 up")
        self.ping()


def case(cell: Cell, module: str) -> type[CellCase]:
    """A class of its own for the cell, as each class has its guest."""
    name = "".join(word.replace("-", "").capitalize() for word in cell.words)
    about = {"__module__": module, "__doc__": cell.name, "cell": cell, "config": cell.config(), "seen": {}}
    return type(name, (CellCase,), about)
