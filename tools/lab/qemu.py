"""The QEMU process: its command line, and the sockets through which the lab talks to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import Optional

from lab.config import GuestConfig
from lab.errors import LabError
from lab.kernel import Kernel
from lab.netspace import NetworkSpace
from lab.process import die_with_parent, stop

DEFAULT_BINARY = "qemu-system-x86_64"
# Behind what: the NIC's address, its place on its bus, and the device above it.
_PLACES = {
    "": ("0000:00:04.0", "addr=04.0", []),
    "root-port": ("0000:01:00.0", "bus=above", ["-device", "pcie-root-port,id=above,addr=05.0,chassis=1"]),
    "bridge": ("0000:01:02.0", "bus=above,addr=02.0", ["-device", "pcie-pci-bridge,id=above,addr=05.0"]),
}


def nic_address(config: GuestConfig) -> str:
    """Where the guest finds the virtio-net under test."""
    return _PLACES[config.behind][0]


def machine_arguments(config: GuestConfig, accel: str) -> list[str]:
    """Processors, memory and acceleration."""
    nodes = config.numa_nodes
    cores = config.cpus // (config.threads * nodes)
    split = ",kernel-irqchip=split" if config.iommu and accel == "kvm" else ""
    arguments = ["-machine", f"q35{split}", "-m", f"{config.memory}M"]
    arguments += ["-accel", "kvm" if accel == "kvm" else f"tcg,thread={'single' if config.counted else 'multi'}"]
    arguments += ["-icount", "shift=0"] if config.counted else []
    # TCG's own vendor is AMD, whose way of telling the threads of a core it lacks: SMT would not be seen.
    arguments += ["-cpu", "host" if accel == "kvm" else "max,vendor=GenuineIntel"]
    arguments += ["-smp", f"{config.cpus},sockets={nodes},cores={cores},threads={config.threads}"]
    for node in range(nodes if nodes > 1 else 0):
        first = node * config.cpus // nodes
        last = first + config.cpus // nodes - 1
        arguments += ["-object", f"memory-backend-ram,id=memory{node},size={config.memory // nodes}M"]
        arguments += ["-numa", f"node,nodeid={node},cpus={first}-{last},memdev=memory{node}"]
    if config.iommu:
        arguments += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
    return arguments


def nic_arguments(config: GuestConfig, tap_name: str) -> list[str]:
    """The virtio-net under test."""
    netdev = f"tap,id=net0,ifname={tap_name},script=no,downscript=no,vhost=off"
    if config.queues > 1:
        netdev += f",queues={config.queues}"
    _, place, above = _PLACES[config.behind]
    device = ["virtio-net-pci", "id=nic0", "netdev=net0", place, "mac=52:54:00:12:34:56", "romfile="]
    device.append(f"mq={_on(config.mq and config.queues > 1)}")
    device.append(f"vectors={config.msix_vectors}")
    device.append(f"rx_queue_size={config.ring_size}")
    device.append(f"mrg_rxbuf={_on(config.mrg_rxbuf)}")
    device.append(f"event_idx={_on(config.event_idx)}")
    device.append(f"any_layout={_on(config.any_layout)}")
    if config.io_notify:
        device.append("modern-pio-notify=on")
    if config.packed:
        device.append("packed=on")
    if config.rss:
        device += ["rss=on", "hash=on"]
    if config.host_mtu is not None:
        device.append(f"host_mtu={config.host_mtu}")
    if config.legacy:
        device += ["disable-modern=on", "disable-legacy=off"]
    elif config.transitional:
        device += ["disable-modern=off", "disable-legacy=off"]
    else:
        device += ["disable-legacy=on", f"iommu_platform={_on(config.iommu and config.iommu_platform)}"]
    return ["-netdev", netdev, *above, "-device", ",".join(device)]


def kernel_command_line(config: GuestConfig, extra: str = "") -> str:
    # no_timer_check: on a busy host an emulated timer misses the kernel's start-up test, and it panics.
    words = ["console=ttyS0", "quiet", "loglevel=4", "panic=-1", "mitigations=off", "no_timer_check"]
    words.append("intel_iommu=on" if config.iommu else "intel_iommu=off")
    if config.hugepages_1g:
        words += ["hugepagesz=1G", f"hugepages={config.hugepages_1g}"]
    if config.hugepages:
        words += ["hugepagesz=2M", f"hugepages={config.hugepages}"]
    return " ".join([*words, extra]).strip()


def _on(flag: bool) -> str:
    return "on" if flag else "off"


Lines = dict[str, tuple[socket.socket, socket.socket]]


def make_lines(ports: tuple[str, ...]) -> Lines:
    """Both ends, ours and QEMU's, of what goes to its serial `ports`, the console first, and to its control socket, "qmp"."""
    return {name: socket.socketpair() for name in (*ports, "qmp")}


class Qemu:
    """Owns the process. Everything it is given is an open descriptor, so that no file of a run can be left behind."""

    def __init__(self, binary: str, arguments: list[str], kernel: Kernel, command_line: str, initramfs: bytes,
                 lines: Lines, space: Optional[NetworkSpace] = None) -> None:
        """`sockets` are our ends of the lines."""
        if shutil.which(binary) is None:
            raise LabError(f"{binary} is missing: `tools/packages lab`, or --qemu PATH")
        self.sockets = {name: ours for name, (ours, _) in lines.items()}
        theirs: list[int] = []
        full = [binary, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", *arguments]
        full += ["-kernel", str(kernel.image), "-append", command_line]
        try:
            theirs.append(_memory_file(initramfs))
            full += ["-initrd", f"/proc/self/fd/{theirs[0]}"]
            for name, (_, other) in lines.items():
                theirs.append(other.detach())
                full += ["-chardev", f"socket,id={name},fd={theirs[-1]}"]
                full += ["-mon", "chardev=qmp,mode=control"] if name == "qmp" else ["-serial", f"chardev:{name}"]
            self.process = subprocess.Popen(
                full,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=theirs,
                start_new_session=True,
                preexec_fn=lambda: _prepare(space),
            )
        except BaseException:
            self._close_sockets()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def exited(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        """What a QEMU that has ended said on stderr."""
        if not self.exited() or self.process.stderr is None:
            return ""
        return self.process.stderr.read().decode(errors="replace").strip()

    def close(self) -> None:
        stop(self.process)
        if self.process.stderr is not None:
            self.process.stderr.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for one in self.sockets.values():
            one.close()


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("initramfs", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def _prepare(space: Optional[NetworkSpace]) -> None:
    die_with_parent()
    if space is not None:
        space.enter()
