"""Whether KVM works here. A device node that answers proves nothing: only a guest that boots does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Callable, Optional

from lab import cache, initramfs
from lab.config import GuestConfig
from lab.guest import Guest
from lab.kernel import Kernel
from lab.qemu import Qemu, kernel_command_line, machine_arguments, make_lines

PROBE_TIMEOUT = 8.0


def choose(wanted: str, kernel: Kernel, qemu: str, say: Callable[[str], None]) -> str:
    """'kvm' or 'tcg'. `wanted` may be either, or 'auto': KVM where a guest boots with it, as remembered per machine."""
    if wanted != "auto":
        return wanted
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    notes = cache.folder() / "acceleration.json"
    machine = _machine()
    known = _read(notes)
    if machine not in known:
        say("trying KVM (once on this machine)")
        known = {**_read(notes), machine: "kvm" if _boots(kernel, qemu) else "tcg"}
        _write(notes, known)
        if known[machine] == "tcg":
            say("/dev/kvm does not boot a guest; using TCG")
    return known[machine]


def _machine() -> str:
    """Names this machine and its kernel: after an update of either the question is asked again."""
    try:
        identity = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        identity = os.uname().nodename
    return f"{identity} {os.uname().release}"


def _boots(kernel: Kernel, qemu: str) -> bool:
    config = GuestConfig(cpus=2, memory=512)
    qemu_process: Optional[Qemu] = None
    try:
        image = initramfs.build(kernel, (), ())
        arguments = machine_arguments(config, "kvm")
        qemu_process = Qemu(qemu, arguments, kernel, kernel_command_line(config), image, make_lines(("console", "agent")))
        return Guest(qemu_process.sockets["agent"]).wait_ready(PROBE_TIMEOUT)
    finally:
        if qemu_process is not None:
            qemu_process.close()


def _read(path: Path) -> dict[str, str]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write(path: Path, content: dict[str, str]) -> None:
    scratch = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
    scratch.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)
