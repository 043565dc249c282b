"""A running guest with its tap: what a demo, a shell, a script or a test works with."""

from __future__ import annotations

import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Iterable, Optional

from lab import initramfs, migration, noiommu
from lab.config import GuestConfig
from lab.console import Console
from lab.errors import LabError
from lab.guest import Guest
from lab.kernel import Kernel
from lab.qemu import Qemu, kernel_command_line, machine_arguments, make_lines, nic_address, nic_arguments
from lab.qmp import Qmp
from lab.tap import DEVICE, Tap

BOOT_TIMEOUT = 90.0


class Machine:
    """Boots in the constructor; `close` (or the end of a `with`) takes everything away."""

    def __init__(self, config: GuestConfig, kernel: Kernel, accel: str, qemu: str, programs: Iterable[Path] = (),
                 files: Iterable[Path] = (), command_line: str = "", shell: bool = False) -> None:
        self.config = config
        self.nic = nic_address(config)
        with ExitStack() as stack:
            self.tap = Tap(config)
            stack.callback(self.tap.close)
            arguments = machine_arguments(config, accel) + nic_arguments(config, DEVICE)
            ports = ("console", "agent", "shell") if shell else ("console", "agent")
            if config.noiommu_mode:
                kernel = noiommu.with_noiommu(kernel)
            image = initramfs.build(kernel, programs, files)
            words = kernel_command_line(config, command_line)
            self._ports = ports
            self._launch = lambda lines, *more: Qemu(qemu, [*arguments, *more], kernel, words, image, lines, self.tap.space)
            self._power_on()
            stack.callback(lambda: self.qemu.close())
            if not self._is_up():
                # An emulated guest hangs now and then before its kernel's first word.
                print(f"the guest shows no sign of life in {BOOT_TIMEOUT:g} s ({self._where()}): booted once more", file=sys.stderr)
                self.qemu.close()
                self._power_on()
                if not self._is_up():
                    raise LabError(f"the guest did not boot: no sign of life in {BOOT_TIMEOUT:g} s, twice ({self._where()})\n"
                                   f"{self.console.tail()}".rstrip())
            self.qmp = Qmp(self.qemu.sockets["qmp"])
            self._stack = stack.pop_all()

    def _power_on(self) -> None:
        self.qemu = self._launch(make_lines(self._ports))
        self.console = Console(self.qemu.sockets["console"])
        self.guest = Guest(self.qemu.sockets["agent"])

    def _is_up(self) -> bool:
        """Waits for it. A QEMU that has ended raises what it said."""
        started = time.monotonic()
        if self.guest.wait_ready(BOOT_TIMEOUT):
            self.boot_seconds = time.monotonic() - started
            return True
        time.sleep(0.2)  # a QEMU that refuses its arguments closes the line just before it ends
        if self.qemu.exited():
            raise LabError(f"the guest did not boot: {self.qemu.last_words()}\n{self.console.tail()}".rstrip())
        return False

    def _where(self) -> str:
        """What the processors of a guest that does not answer are at."""
        try:
            registers = Qmp(self.qemu.sockets["qmp"]).call("human-monitor-command", **{"command-line": "info registers -a"})
        except (LabError, OSError) as error:
            return f"QEMU does not answer either: {error}"
        return ", ".join(re.findall(r"RIP=\w+|EIP=\w+", registers))

    def migrate(self) -> migration.Gap:
        """Saves the running guest to a file, and goes on with it in another QEMU on the same tap. Not with a shell."""
        with migration.state_file() as state:
            began = migration.save(self.qmp, state)
            lines = make_lines(self._ports)
            self.console.move(lines["console"][0])
            self.guest.move(lines["agent"][0])
            self.qemu.close()  # which gives the tap back
            self.qemu = self._launch(lines, "-S", "-incoming", "defer")
            self.qmp = Qmp(self.qemu.sockets["qmp"])
            migration.load(self.qmp, state)
        self.qmp.call("cont")
        return migration.Gap(began, time.monotonic())

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: Optional[object]) -> None:
        self.close()
