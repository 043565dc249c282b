"""Which kernel modules a guest needs, in the order in which they are to be loaded."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import subprocess
from pathlib import Path

from lab.errors import LabError

# The drivers a guest must have, built in or as modules. Everything they depend on is found from them.
REQUIRED = ("virtio_pci", "virtio_net", "vfio_pci")
# Part of another module, or absent, in some kernels.
OPTIONAL = ("vfio_iommu_type1",)

_SUFFIX = re.compile(r"\.ko(\.gz|\.xz|\.zst)?$")
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def _name(path: str) -> str:
    return _SUFFIX.sub("", path.rsplit("/", 1)[-1]).replace("-", "_")


def _read(path: Path) -> bytes:
    """A module's plain ELF image, however it is packed."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        if shutil.which("zstd") is None:
            raise LabError(f"{path} is packed with zstd, which is missing: `apt-get install zstd`")
        return subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True).stdout
    return path.read_bytes()


def load_order(modules_dir: Path) -> list[tuple[str, bytes]]:
    """(name, image) of every module to load from lib/modules/VERSION, dependencies first.

    The dependencies come from the modules themselves: a package that was only unpacked has no modules.dep.
    """
    available = {_name(path.name): path for path in modules_dir.rglob("*.ko*") if _SUFFIX.search(path.name)}
    builtin_list = modules_dir / "modules.builtin"
    builtin = {_name(line) for line in builtin_list.read_text().split()} if builtin_list.exists() else set()
    ordered: dict[str, bytes] = {}

    def visit(name: str, required: bool) -> None:
        if name in ordered or name in builtin:
            return
        if name not in available:
            if required:
                raise LabError(f"{modules_dir}: the kernel has no module {name}, neither built in nor beside it")
            return
        image = _read(available[name])
        match = _DEPENDS.search(image)
        for dependency in match.group(1).decode().split(",") if match else ():
            if dependency:
                visit(_name(dependency), True)
        ordered[name] = image

    for name in REQUIRED:
        visit(name, True)
    for name in OPTIONAL:
        visit(name, False)
    return list(ordered.items())
