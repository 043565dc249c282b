"""A running guest with its tap: what a demo, a shell, a script or a test works with."""

from __future__ import annotations

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
            self.qemu = self._launch(make_lines(ports))
            stack.callback(lambda: self.qemu.close())
            self.console = Console(self.qemu.sockets["console"])
            self.guest = Guest(self.qemu.sockets["agent"])
            self._wait_for_boot()
            self.qmp = Qmp(self.qemu.sockets["qmp"])
            self._stack = stack.pop_all()

    def _wait_for_boot(self) -> None:
        started = time.monotonic()
        if self.guest.wait_ready(BOOT_TIMEOUT):
            self.boot_seconds = time.monotonic() - started
            return
        time.sleep(0.2)  # a QEMU that refuses its arguments closes the line just before it ends
        said = self.qemu.last_words() or f"no sign of life in {BOOT_TIMEOUT:g} s"
        raise LabError(f"the guest did not boot: {said}\n{self.console.tail()}".rstrip())

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
