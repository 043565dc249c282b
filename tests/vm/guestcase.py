"""A test case with a guest: booted once for a class, its tap, and the words in which the scenarios speak."""

from __future__ import annotations

import argparse
import os
import re
import time
import unittest
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Optional, Sequence

import hang

from lab import accel, application, backports, build, kernel
from lab.application import Echo
from lab.config import GuestConfig
from lab.errors import GuestTimeout, LabError
from lab.guest import Result
from lab.machine import Machine
from lab.qemu import DEFAULT_BINARY
from lab.tap import GUEST_ADDRESS
from lab.traffic import Report, UdpFlows

FLOWS = 64
RATE = 200.0
RESTORE_TIMEOUT = 30.0

# Set by `use`, and packed_rings by main.py.
tools_folder: Optional[str] = None
packed_rings = False  # every guest's device offers them
kernel_wanted: Optional[str] = None  # as mqlab's options
qemu_wanted = DEFAULT_BINARY


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kernel", metavar="K", help="the guests' kernel: a version, the path of one, or backports")
    parser.add_argument("--qemu", metavar="FILE", default=qemu_wanted, help="the QEMU to use, or backports")
    parser.add_argument("--tools", metavar="DIR", help="take mqctl, mqstat and mqperf from here; build nothing")


def use(options: argparse.Namespace) -> None:
    global tools_folder, kernel_wanted, qemu_wanted
    tools_folder, kernel_wanted, qemu_wanted = options.tools, options.kernel, options.qemu


@lru_cache(maxsize=None)
def programs() -> tuple[Path, ...]:
    return tuple(build.programs(tools_folder))


@lru_cache(maxsize=None)
def guest_kernel() -> kernel.Kernel:
    return kernel.find(kernel_wanted)


@lru_cache(maxsize=None)
def qemu() -> str:
    return backports.qemu() if qemu_wanted == backports.WORD else qemu_wanted


def acceleration() -> str:
    return accel.choose("auto", guest_kernel(), qemu(), lambda _: None)


def prepare() -> None:
    """Has made, once, what all guests need."""
    programs()
    acceleration()


def reason_to_skip() -> Optional[str]:
    """What this machine lacks for a guest with a tap, or None."""
    if os.geteuid() != 0:
        return "not root: no tap, no network namespace"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    return None


class GuestCase(unittest.TestCase):
    """Set `config` in the subclass. Each test finds the NIC under the kernel's driver and no application running."""

    config = GuestConfig()
    machine: Machine
    _boot_error: Optional[LabError] = None

    @classmethod
    def lacks(cls) -> Optional[str]:
        """The reason to skip every test of the class, or None."""
        return reason_to_skip()

    @classmethod
    def files(cls) -> Sequence[Path]:
        """What the guest is to have beside the tools."""
        return ()

    @classmethod
    def setUpClass(cls) -> None:
        """Neither a skip nor a failure is raised here: each test of the class is to be counted."""
        if cls.lacks():
            return
        if packed_rings:
            cls.config = replace(cls.config, packed=not cls.config.legacy)
        try:
            cls.machine = Machine(cls.config, guest_kernel(), acceleration(), qemu(), programs(), cls.files())
            cls.addClassCleanup(cls.machine.close)
        except LabError as error:
            cls._boot_error = error

    def setUp(self) -> None:
        if reason := self.lacks():
            self.skipTest(reason)
        if self._boot_error is not None:
            self.fail(str(self._boot_error))
        self.addCleanup(self._restore)

    def _restore(self) -> None:
        """Whatever a test did: no application, the kernel's driver, no address."""
        device = f"/sys/bus/pci/devices/{self.machine.nic}"
        # The polite signal first; SIGKILL has a scenario of its own.
        job = self.machine.guest.start(f"""
            if killall mqperf; then sleep 2; killall -9 mqperf && sleep 1; fi
            if [ "$(basename "$(readlink {device}/driver)")" != virtio-pci ]; then
                echo >{device}/driver_override
                echo {self.machine.nic} >{device}/driver/unbind
                echo {self.machine.nic} >/sys/bus/pci/drivers_probe
            fi
            ip address flush dev eth0
            ip link set eth0 down""")
        try:
            job.wait(RESTORE_TIMEOUT)
        except GuestTimeout:
            self.fail(f"the NIC was not given back in {RESTORE_TIMEOUT:g} s\n{hang.story(self.machine)}")

    # Commands

    def run_in_guest(self, command: str, timeout: float = 60.0) -> Result:
        return self.machine.guest.run(command, timeout)

    def succeed(self, command: str) -> str:
        result = self.run_in_guest(command)
        self.assertEqual(result.code, 0, f"{command}\n{result.out}{result.err}")
        return result.out

    def refuse(self, command: str, code: int, *texts: str) -> str:
        """The command fails with this exit code and one message on stderr that holds all the texts."""
        result = self.run_in_guest(command)
        self.assertEqual(result.code, code, f"{command}\n{result.out}{result.err}")
        self.assertEqual(result.err.count("\n"), 1, f"{command}: not one line:\n{result.err}")
        for text in texts:
            self.assertIn(text, result.err)
        return result.err

    def driver(self) -> str:
        return self.succeed(f"basename $(readlink /sys/bus/pci/devices/{self.machine.nic}/driver)").strip()

    def bind(self) -> None:
        self.succeed(f"mqctl bind {self.machine.nic}")
        self.assertEqual(self.driver(), "vfio-pci")

    def start_echo(self, options: str = "") -> Echo:
        echo = Echo(self.machine, options)
        self.assertEqual(echo.info()["ring_layout"], "packed" if self.config.packed else "split")
        return echo

    # Traffic

    def ping(self, count: int = 5, size: int = 56) -> None:
        command = ["ping", "-n", "-q", "-i", "0.1", "-c", str(count), "-w", "30", "-M", "do", "-s", str(size), GUEST_ADDRESS]
        output = self.machine.tap.space.run(command).stdout
        # Another request goes out when the last answer is late.
        counted = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        self.assertIsNotNone(counted, output)
        sent, received = (int(number) for number in counted.groups())
        self.assertTrue(sent == received >= count, output)

    def flows(self, rate: float = RATE, size: int = 64) -> UdpFlows:
        return UdpFlows(self.machine.tap.space, GUEST_ADDRESS, FLOWS, rate, size)

    def exchange(self, seconds: float, size: int = 64) -> Report:
        flows = self.flows(size=size)
        time.sleep(seconds)
        return flows.stop()

    def assert_answered(self, report: Report) -> None:
        self.assertTrue(report.clean, str(report.summary()))

    def assert_carried(self, before: dict, after: dict, count: int) -> None:
        """Pairs below `count` carried packets both ways since `before`, the others none."""
        for pair, packets in application.moved(before, after).items():
            if pair < count:
                self.assertTrue(min(packets) > 0, f"pair {pair} of {count}: (received, sent) {packets}")
            else:
                self.assertEqual(packets, (0, 0), f"pair {pair} is not among the {count}")
