"""Puts the guest's whole file system together: busybox, modules, tools, their libraries, extra files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Iterable

from lab.cpio import Archive
from lab.errors import LabError
from lab.kernel import Kernel

_GUEST_FILES = Path(__file__).parent / "guest"
_LOADER = re.compile(r"^\s*(/\S*ld-linux\S*)\s")
_LIBRARY = re.compile(r"=>\s+(/\S+)\s")


def build(kernel: Kernel, programs: Iterable[Path], files: Iterable[Path]) -> bytes:
    """`programs` go to /tools, `files` to /lab; both are in the guest's PATH."""
    archive = Archive()
    _skeleton(archive)
    for name, image in kernel.modules:
        archive.file(f"modules/{name}.ko", image, 0o644)
    archive.file("modules/order", "".join(f"{name}\n" for name, _ in kernel.modules).encode(), 0o644)
    libraries: dict[str, Path] = {}
    for folder, paths in (("tools", programs), ("lab", files)):
        archive.folder(folder)
        for path in paths:
            _add_file(archive, folder, path, libraries)
    for name, path in libraries.items():
        archive.file(name, path.read_bytes())
    return archive.finish()


def _skeleton(archive: Archive) -> None:
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "etc", "usr", "lib", "lib64"):
        archive.folder(folder)
    busybox = shutil.which("busybox")
    if busybox is None:
        raise LabError("busybox is missing: `tools/packages lab`")
    archive.file("bin/busybox", Path(busybox).read_bytes())
    for path in sorted(_GUEST_FILES.iterdir()):
        archive.file(f"etc/lab/{path.name}", path.read_bytes())
    archive.link("init", "etc/lab/init")
    archive.link("sbin", "bin")
    archive.link("usr/bin", "../bin")
    archive.link("usr/sbin", "../bin")
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n", 0o644)
    archive.file("etc/group", b"root:x:0:\nuser:x:1000:\n", 0o644)


def _add_file(archive: Archive, folder: str, path: Path, libraries: dict[str, Path]) -> None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
    archive.file(f"{folder}/{path.name}", data)
    if data[:4] == b"\x7fELF":
        _collect_libraries(path, libraries)


def _collect_libraries(program: Path, libraries: dict[str, Path]) -> None:
    """What the dynamic loader would load here. All in one folder: two paths to one library load it twice."""
    listing = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        return  # static
    for line in listing.stdout.splitlines():
        if "not found" in line:
            raise LabError(f"{program}: {line.strip()}")
        loader = _LOADER.search(line)
        library = _LIBRARY.search(line)
        if loader:
            libraries[loader.group(1).lstrip("/")] = Path(loader.group(1))
        elif library:
            path = Path(library.group(1))
            libraries[f"lib/{line.split()[0]}"] = path
