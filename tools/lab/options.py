"""The options that every command of mqlab takes, and what they mean."""

from __future__ import annotations

import argparse

from lab.config import BEHIND, GuestConfig
from lab.qemu import DEFAULT_BINARY


def add_guest_options(parser: argparse.ArgumentParser) -> None:
    nic = parser.add_argument_group("the guest's virtio-net")
    nic.add_argument("--queues", type=int, default=4, metavar="N", help="queue pairs, 1 to 256 (default 4)")
    nic.add_argument("--vectors", type=int, metavar="V", help="MSI-X vectors (default 2N+2); 0: none")
    nic.add_argument("--ring-size", type=int, default=256, metavar="S", help="receive ring: 256, 512 or 1024")
    nic.add_argument("--packed", action="store_true", help="offer packed rings")
    nic.add_argument("--rss", action="store_true", help="offer RSS and hash reports")
    nic.add_argument("--io-notify", action="store_true", help="notifications go to I/O ports")
    nic.add_argument("--behind", choices=BEHIND, default="", help="put it behind a PCIe root port or a conventional bridge")
    nic.add_argument("--host-mtu", type=int, metavar="BYTES", help="MTU that the device announces")
    nic.add_argument("--legacy", action="store_true", help="a legacy (0.9.5) device")
    nic.add_argument("--transitional", action="store_true", help="a device with legacy registers beside the modern ones")
    nic.add_argument("--no-iommu-platform", action="store_true", help="a device that goes around the vIOMMU")
    for name in ("mq", "mrg-rxbuf", "event-idx", "any-layout"):
        nic.add_argument(f"--no-{name}", action="store_true", help=f"do not offer {name.replace('-', '_').upper()}")
    box = parser.add_argument_group("the guest")
    box.add_argument("--cpus", type=int, default=4, metavar="N", help="vCPUs (default 4)")
    box.add_argument("--threads", type=int, default=1, metavar="N", help="hardware threads per core (default 1)")
    box.add_argument("--numa-nodes", type=int, default=1, metavar="N", help="NUMA nodes (default 1)")
    box.add_argument("--memory", type=int, default=768, metavar="MIB", help="memory (default 768)")
    box.add_argument("--hugepages", type=int, default=0, metavar="N", help="2 MiB pages to set aside (default 0)")
    box.add_argument("--hugepages-1g", type=int, default=0, metavar="N", help="1 GiB pages to set aside (default 0)")
    box.add_argument("--no-iommu", action="store_true", help="no vIOMMU")
    box.add_argument("--noiommu-mode", action="store_true", help="vfio modules that have the no-IOMMU mode")
    box.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="auto: KVM where it works")
    box.add_argument("--kernel", metavar="K", help="a version (6.1.0-44-amd64), the path of a kernel, or backports")
    box.add_argument("--qemu", default=DEFAULT_BINARY, metavar="FILE", help="the QEMU to use, or backports")
    box.add_argument("--tools", metavar="DIR", help="take mqctl, mqstat and mqperf from here; build nothing")


def guest_config(options: argparse.Namespace) -> GuestConfig:
    return GuestConfig(
        queues=options.queues,
        cpus=options.cpus,
        threads=options.threads,
        numa_nodes=options.numa_nodes,
        memory=options.memory,
        hugepages=options.hugepages,
        hugepages_1g=options.hugepages_1g,
        vectors=options.vectors,
        ring_size=options.ring_size,
        packed=options.packed,
        mq=not options.no_mq,
        mrg_rxbuf=not options.no_mrg_rxbuf,
        event_idx=not options.no_event_idx,
        any_layout=not options.no_any_layout,
        io_notify=options.io_notify,
        behind=options.behind,
        rss=options.rss,
        host_mtu=options.host_mtu,
        legacy=options.legacy,
        transitional=options.transitional,
        iommu=not options.no_iommu,
        iommu_platform=not options.no_iommu_platform,
        noiommu_mode=options.noiommu_mode,
    )
