"""Finds or fetches the guest's kernel: Debian's or Ubuntu's own, downloaded and unpacked, never installed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from lab import backports, cache, modules
from lab.errors import LabError
from lab.process import run

_META_PACKAGES = ("linux-image-amd64", "linux-image-generic", "linux-image-virtual")


@dataclass(frozen=True)
class Kernel:
    version: str
    image: Path
    modules: list[tuple[str, bytes]]  # (name, image) in load order
    apt: tuple[str, ...] = ()  # the options with which apt finds its packages


def find(wanted: Optional[str]) -> Kernel:
    """`wanted`: None (the distribution's), "backports", a version such as 6.1.0-44-amd64, or the path of a bzImage."""
    if wanted is not None and "/" in wanted:
        return _from_path(Path(wanted))
    apt = backports.apt_options() if wanted == backports.WORD else ()
    version = _current_version(apt) if wanted in (None, backports.WORD) else wanted
    folder = cache.folder() / "kernels" / version
    if not folder.is_dir():
        _fetch(version, folder, apt)
    return replace(_from_cache(version, folder), apt=apt)


def _from_path(image: Path) -> Kernel:
    """A kernel that lies in a tree of its own (…/boot/vmlinuz-V beside …/lib/modules/V) or is this machine's."""
    try:
        version = _version_of(image)
    except OSError as error:
        raise LabError(f"kernel {image}: {error.strerror}") from error
    for root in (image.resolve().parent.parent, Path("/")):
        folder = root / "lib" / "modules" / version
        if folder.is_dir():
            return Kernel(version, image, modules.load_order(folder))
    raise LabError(f"kernel {image}: no lib/modules/{version} beside it or on this machine")


def _version_of(image: Path) -> str:
    """The version string of a bzImage; its offset is at 0x20e of the boot header."""
    data = image.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"kernel {image}: not a bzImage")
    start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    return data[start : data.index(b"\0", start)].split()[0].decode()


def _from_cache(version: str, folder: Path) -> Kernel:
    names = (folder / "modules").read_text().split()
    return Kernel(version, folder / "vmlinuz", [(name, (folder / f"{name}.ko").read_bytes()) for name in names])


def _current_version(apt: tuple[str, ...]) -> str:
    """What the distribution's kernel meta package depends on; asked once, then the cached one is used."""
    remembered = cache.folder() / ("kernel-backports" if apt else "kernel")
    if remembered.exists():
        return remembered.read_text().strip()
    version = _ask_for_version(apt)
    if version is None:
        # A fresh machine may have no package lists yet.
        _update_lists(apt)
        version = _ask_for_version(apt)
    if version is None:
        raise LabError("no Linux kernel package found; give one with --kernel VERSION or --kernel PATH")
    remembered.write_text(version + "\n")
    return version


def _ask_for_version(apt: tuple[str, ...]) -> Optional[str]:
    for meta in _META_PACKAGES:
        result = subprocess.run(["apt-cache", *apt, "depends", meta], capture_output=True, text=True, check=False)
        match = re.search(r"Depends: linux-image-(?:unsigned-)?(\d\S*)", result.stdout)
        if match:
            return match.group(1)
    return None


def _update_lists(apt: tuple[str, ...]) -> None:
    sudo = [] if os.geteuid() == 0 or apt else ["sudo", "-n"]
    run([*sudo, "apt-get", *apt, "update"], "refreshing the package lists")


def _fetch(version: str, target: Path, apt: tuple[str, ...]) -> None:
    if platform.machine() != "x86_64":
        raise LabError(f"the lab's guest is an x86-64 machine; fetching a kernel on {platform.machine()} is not supported")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        _download(version, scratch, apt)
        tree = Path(scratch) / "tree"
        for package in Path(scratch).glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(tree)], f"unpacking {package.name}")
        kept = Path(scratch) / "kept"
        kept.mkdir()
        # Debian before trixie keeps modules in /lib, later releases in /usr/lib.
        folders = [path for path in (tree / "lib/modules" / version, tree / "usr/lib/modules" / version) if path.is_dir()]
        if not folders:
            raise LabError(f"kernel {version}: the package holds no modules")
        order = modules.load_order(folders[0])
        for name, image in order:
            (kept / f"{name}.ko").write_bytes(image)
        (kept / "modules").write_text("".join(f"{name}\n" for name, _ in order))
        (tree / f"boot/vmlinuz-{version}").rename(kept / "vmlinuz")
        try:
            kept.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another run was quicker
                raise


def _download(version: str, folder: str, apt: tuple[str, ...]) -> None:
    """The image package, and Ubuntu's separate package of modules where there is one."""
    names = [f"linux-image-{version}"]
    for name in (f"linux-modules-{version}", f"linux-modules-extra-{version}"):
        known = subprocess.run(["apt-cache", *apt, "show", name], capture_output=True, check=False)
        if known.returncode == 0:
            names.append(name)
    download = ["apt-get", "-o", "APT::Sandbox::User=root", *apt, "download", *names]
    try:
        run(download, f"fetching the kernel {version}", cwd=folder)
    except LabError:
        _update_lists(apt)  # the version may have left the archive's lists since they were fetched
        run(download, f"fetching the kernel {version}", cwd=folder)
