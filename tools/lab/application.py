"""The application that the lab runs in a guest, `mqperf echo`, as an operator sees it: through mqctl and mqstat."""

from __future__ import annotations

import json
import re
import time

from lab.errors import GuestTimeout, LabError
from lab.guest import Result
from lab.machine import Machine
from lab.tap import GUEST_ADDRESS

START_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0


class Echo:
    """A running `mqperf echo`, ready for traffic when the constructor returns."""

    def __init__(self, machine: Machine, options: str = "", limit: float = START_TIMEOUT) -> None:
        """`limit`: seconds until it answers mqctl."""
        self._guest = machine.guest
        self._device = machine.nic
        words = ["exec mqperf echo", f"--address {GUEST_ADDRESS}", options, self._device]
        self.command = " ".join(word for word in words if word).removeprefix("exec ")
        self._job = self._guest.start(f"exec {self.command}")
        self._await_socket(limit)

    def _await_socket(self, limit: float) -> None:
        deadline = time.monotonic() + limit
        while self._guest.run(f"mqctl show {self._device}").code != 0:
            if self._job.done():
                result = self._job.wait(0)
                raise LabError(f"in the guest: {self.command}: exit code {result.code}\n{result.out}{result.err}".rstrip())
            if time.monotonic() > deadline:
                self._job.signal("KILL")
                raise GuestTimeout(f"in the guest: {self.command}: does not answer mqctl after {limit:g} s")
            time.sleep(0.2)

    def combined(self, pairs: object) -> Result:
        return self._guest.run(f"mqctl combined {pairs} {self._device}")

    def show(self) -> str:
        return self._guest.require(f"mqctl show {self._device}")

    def table(self, options: str = "") -> str:
        return self._guest.require(f"mqstat {options} {self._device}".replace("  ", " "))

    def pairs(self) -> dict:
        """`mqstat --json`: counters of every pair since the start."""
        return self._one_device(f"mqstat --json {self._device}")

    def interrupts(self) -> dict:
        """`mqstat --interrupts --json`."""
        return self._one_device(f"mqstat --interrupts --json {self._device}")

    def map(self) -> dict:
        return self._one_device(f"mqctl map --json {self._device}")

    def info(self) -> dict:
        return self._one_device(f"mqctl info --json {self._device}")

    def nodes_of_pairs(self) -> list[int]:
        """The NUMA node of each pair's memory, by pair."""
        rows = self.map()["map"]
        return list({row["pair"]: row["numa_node"] for row in rows if row["pair"] is not None}.values())

    def huge_pages_by_node(self) -> dict[int, int]:
        """NUMA node -> huge pages of the application that are on it."""
        process = self.info()["process_id"]
        maps = self._guest.require(f"grep kernelpagesize_kB=2048 /proc/{process}/numa_maps")
        pages: dict[int, int] = {}
        for node, count in re.findall(r" N(\d+)=(\d+)", maps):
            pages[int(node)] = pages.get(int(node), 0) + int(count)
        return pages

    def running(self) -> bool:
        return not self._job.done()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._job.signal("KILL")
        self._job.wait(STOP_TIMEOUT)

    def await_end(self, timeout: float) -> Result:
        """What it says when it ends by itself."""
        return self._job.wait(timeout)

    def stop(self) -> Result:
        self._job.signal("TERM")
        return self._job.wait(STOP_TIMEOUT)

    def _one_device(self, command: str) -> dict:
        text = self._guest.require(command)
        try:
            devices = json.loads(text)
        except ValueError as error:
            raise LabError(f"in the guest: {command}: not JSON: {error}\n{text}") from error
        if not isinstance(devices, list) or len(devices) != 1:
            raise LabError(f"in the guest: {command}: not an array of one device\n{text}")
        return devices[0]


def channels_text(device: str, maximum: int, now: int) -> str:
    """The layout of `ethtool -l`, which `mqctl show` has byte for byte."""
    none = "RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\n"
    return (
        f"Channel parameters for {device}:\nPre-set maximums:\n{none}Combined:\t{maximum}\n"
        f"Current hardware settings:\n{none}Combined:\t{now}\n"
    )


def moved(before: dict, after: dict) -> dict[int, tuple[int, int]]:
    """pair -> packets (received, sent) between two answers of Echo.pairs()."""
    earlier = {row["pair"]: row for row in before["pairs"]}
    return {
        row["pair"]: tuple(row[key] - earlier[row["pair"]][key] for key in ("rx_packets", "tx_packets"))
        for row in after["pairs"]
    }


def vectors_elsewhere(interrupts: dict) -> list[str]:
    """What mqstat --interrupts counted on another vCPU than the vector's own."""
    found = []
    for row in interrupts["vectors"]:
        for cpu, count in zip(interrupts["cpus"], row["kernel_counts"]):
            if row["wanted_cpu"] is not None and cpu != row["wanted_cpu"] and count:
                found.append(f"{row['owner']}: {count} on vCPU {cpu} instead of {row['wanted_cpu']}")
    return found


def sums_that_differ(interrupts: dict) -> list[str]:
    """Vectors whose count in the kernel is not what the driver read from the eventfd."""
    return [
        f"{row['owner']}: kernel {row['kernel_sum']}, eventfd {row['eventfd_sum']}"
        for row in interrupts["vectors"]
        if row["kernel_sum"] != row["eventfd_sum"]
    ]
