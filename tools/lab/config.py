"""What a guest of the lab looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from lab.errors import LabError

TAP_QUEUES_MAX = 256
BEHIND = ("root-port", "bridge")


@dataclass(frozen=True)
class GuestConfig:
    """One guest: its processors, memory and virtio-net. Plain data; qemu.py turns it into arguments."""

    queues: int = 4
    cpus: int = 4
    threads: int = 1  # per core
    numa_nodes: int = 1
    memory: int = 768  # MiB
    hugepages: int = 0  # of 2 MiB
    hugepages_1g: int = 0
    vectors: Optional[int] = None  # None: 2 * queues + 2
    ring_size: int = 256
    packed: bool = False
    mq: bool = True
    mrg_rxbuf: bool = True
    event_idx: bool = True
    any_layout: bool = True
    io_notify: bool = False  # notifications go to I/O ports
    behind: str = ""  # what the NIC's function is behind, one of BEHIND; on the root bus without
    rss: bool = False
    host_mtu: Optional[int] = None
    legacy: bool = False
    transitional: bool = False
    iommu: bool = True
    iommu_platform: bool = True  # the device goes through the vIOMMU; neither legacy nor transitional ones can
    noiommu_mode: bool = False  # vfio with its no-IOMMU mode, still to be switched on
    counted: bool = False  # each instruction takes the guest's clock a nanosecond, whatever the host's load: TCG only

    def __post_init__(self) -> None:
        if self.behind not in ("", *BEHIND):
            raise LabError(f"behind {self.behind}: one of {', '.join(BEHIND)}")
        if not 1 <= self.queues <= TAP_QUEUES_MAX:
            raise LabError(f"{self.queues} queues: a tap device has 1 to {TAP_QUEUES_MAX}")
        if self.cpus % (self.threads * self.numa_nodes) != 0:
            raise LabError(
                f"{self.cpus} vCPUs do not divide into {self.numa_nodes} NUMA node(s) of cores with {self.threads} thread(s)"
            )
        if self.memory % self.numa_nodes != 0:
            raise LabError(f"{self.memory} MiB of memory do not divide into {self.numa_nodes} NUMA nodes")
        if self.ring_size not in (256, 512, 1024):
            raise LabError(f"ring size {self.ring_size}: QEMU's virtio-net takes 256, 512 or 1024")
        if self.counted and self.cpus != 1:
            raise LabError("where instructions are the clock there is one vCPU: others would advance it")
        if self.legacy and self.transitional:
            raise LabError("a device is legacy or transitional, not both")

    @property
    def msix_vectors(self) -> int:
        return 2 * self.queues + 2 if self.vectors is None else self.vectors

    @property
    def mtu(self) -> int:
        return self.host_mtu or 1500
