"""vfio modules with the no-IOMMU mode, which Debian leaves out of its kernels: built from the packages of its source."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from lab import cache, kernel
from lab.errors import LabError
from lab.process import run

_PARAMETER = b"enable_unsafe_noiommu_mode"
_FOLDER = "drivers/vfio"


def with_noiommu(chosen: kernel.Kernel) -> kernel.Kernel:
    """The kernel with vfio modules that have the mode: its own, or ones built for it, once."""
    if any(name == "vfio" and _PARAMETER in image for name, image in chosen.modules):
        return chosen
    folder = cache.folder() / "kernels" / chosen.version / "noiommu"
    with cache.alone():
        if not folder.is_dir():
            _build(chosen, folder)
    built = {path.stem.replace("-", "_"): path.read_bytes() for path in folder.glob("*.ko")}
    return replace(chosen, modules=[(name, built.get(name, image)) for name, image in chosen.modules])


def _build(chosen: kernel.Kernel, target: Path) -> None:
    version = chosen.version
    run([str(Path(__file__).parents[1] / "packages"), "module"], "installing what builds a kernel module")
    with tempfile.TemporaryDirectory(prefix=".noiommu-", dir=target.parent) as scratch:
        tree = Path(scratch) / "tree"
        for package in _download(chosen, Path(scratch)):
            run(["dpkg-deb", "-x", str(package), str(tree)], f"unpacking {package.name}")
        headers = tree / f"usr/src/linux-headers-{version}"
        _relocate(headers / "Makefile", tree)
        source = _unpack_source(tree, Path(scratch))
        # The headers' configuration has the mode off; make and the compiler are told otherwise. No type information for
        # BPF, which would need a program of its own (pahole).
        make = ["make", "-C", str(headers), f"M={source}", "CONFIG_DEBUG_INFO_BTF_MODULES="]
        make += ["CONFIG_VFIO_NOIOMMU=y", "KCFLAGS=-DCONFIG_VFIO_NOIOMMU=1"]
        run([*make, "modules"], f"building vfio with its no-IOMMU mode for {version}")
        kept = Path(scratch) / "kept"
        kept.mkdir()
        for module in source.rglob("vfio*.ko"):
            run(["strip", "-g", "-o", str(kept / module.name), str(module)], f"stripping {module.name}")
        os.rename(kept, target)


def _download(chosen: kernel.Kernel, folder: Path) -> list[Path]:
    """The headers, what they need to build with, and the source of the same version."""
    headers = f"linux-headers-{chosen.version}"
    show = ["apt-cache", *chosen.apt, "show", "--no-all-versions", headers]
    about = subprocess.run(show, capture_output=True, text=True, check=False)
    found = re.search(r"^Version: (\S+)", about.stdout, re.MULTILINE)
    if found is None:
        raise LabError(f"no package {headers}: the no-IOMMU mode needs a kernel that the archive has, and its headers")
    needed = re.findall(r"(linux-(?:headers|kbuild|compiler)-[^\s,]+)", _field(about.stdout, "Depends"))
    source = f"linux-source-{'.'.join(chosen.version.split('.')[:2])}={found.group(1)}"
    download = ["apt-get", "-o", "APT::Sandbox::User=root", *chosen.apt, "download", headers, *needed, source]
    run(download, "fetching the kernel's source", cwd=str(folder))
    return sorted(folder.glob("*.deb"))


def _field(text: str, name: str) -> str:
    match = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)
    return match.group(1) if match else ""


def _relocate(makefile: Path, tree: Path) -> None:
    """The headers' Makefile includes another by its path on a machine where the package is installed."""
    makefile.write_text(makefile.read_text().replace(" /usr/src/", f" {tree}/usr/src/"))


def _unpack_source(tree: Path, scratch: Path) -> Path:
    archive = next((tree / "usr/src").glob("linux-source-*.tar.xz"))
    name = archive.name.removesuffix(".tar.xz")
    run(["tar", "-xf", str(archive), "-C", str(scratch), f"{name}/{_FOLDER}"], "unpacking vfio's source")
    return scratch / name / _FOLDER
