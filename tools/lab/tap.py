"""The host's end of the guest's network: a multiqueue tap in a network namespace of its own."""

from __future__ import annotations

import os

from lab.config import GuestConfig
from lab.errors import LabError
from lab.netspace import NetworkSpace

DEVICE = "tap0"
HOST_ADDRESS = "10.0.77.1"
GUEST_ADDRESS = "10.0.77.2"
PREFIX_LENGTH = 24


class Tap:
    """A tap device for one guest. It disappears with its namespace."""

    def __init__(self, config: GuestConfig) -> None:
        if not os.path.exists("/dev/net/tun"):
            raise LabError("/dev/net/tun is missing: `modprobe tun` as root")
        self.space = NetworkSpace()
        try:
            self._create(config)
        except BaseException:
            self.space.close()
            raise

    def _create(self, config: GuestConfig) -> None:
        # Nothing but the lab's own traffic is to reach the guest, so that counters can be compared.
        self.space.write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
        add = ["ip", "tuntap", "add", "dev", DEVICE, "mode", "tap"]
        self.space.require(add + (["multi_queue"] if config.queues > 1 else []))
        self.space.require(["ip", "address", "add", f"{HOST_ADDRESS}/{PREFIX_LENGTH}", "dev", DEVICE])
        self.space.require(["ip", "link", "set", DEVICE, "mtu", str(config.mtu), "up"])
        self.space.require(["ip", "link", "set", "lo", "up"])

    def close(self) -> None:
        self.space.close()
