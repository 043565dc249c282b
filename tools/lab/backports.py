"""Debian's backports, a newer kernel and QEMU: fetched with package lists of the lab's own, unpacked, never installed."""

from __future__ import annotations

import platform
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from lab import cache
from lab.errors import LabError
from lab.process import run

WORD = "backports"  # for --kernel and --qemu
_SYSTEM = "qemu-system-x86"
_PROGRAM = "qemu-system-x86_64"


@lru_cache(maxsize=None)
def apt_options() -> tuple[str, ...]:
    """What makes apt-get and apt-cache see the backports and prefer them; the machine's own lists stay as they are."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    folder = cache.folder() / "backports"
    for name in ("lists/partial", "apt/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    options = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    options += ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/apt"]
    options += ["-o", f"APT::Default-Release={release}-backports", "-o", "APT::Sandbox::User=root"]
    if not sources.exists():
        sources.write_text(_sources(release))
        try:
            run(["apt-get", *options, "update"], f"fetching the package lists of {release}-backports")
        except BaseException:
            sources.unlink()
            raise
    return tuple(options)


def _sources(release: str) -> str:
    """The archive from which this machine has its release has the backports, too."""
    ask = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"]
    lines = run(ask, "asking apt for its archives")
    match = re.search(rf"^{release} (\S+)$", lines, re.MULTILINE) if release else None
    if match is None:
        raise LabError(f"apt has no archive of '{release}', so there are no backports; is this Debian?")
    key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    return "".join(f"deb {key} {match.group(1)} {suite} main\n" for suite in (release, f"{release}-backports"))


def qemu() -> str:
    """The path of a QEMU that can be run as it is."""
    folder = cache.folder() / "backports" / "qemu"
    if not folder.is_dir():
        _fetch_qemu(folder)
    return str(folder / _PROGRAM)


def _fetch_qemu(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".qemu-", dir=target.parent) as scratch:
        tree = Path(scratch) / "kept"
        archives = Path(scratch) / "archives"
        (archives / "partial").mkdir(parents=True)
        # Of what it depends on, apt fetches what the machine does not have in that version.
        fetch = ["apt-get", *apt_options(), "-o", f"Dir::Cache::archives={archives}", "install", "-y"]
        run([*fetch, "--no-install-recommends", "--download-only", _SYSTEM], "fetching QEMU")
        for package in archives.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(tree)], f"unpacking {package.name}")
        if not (tree / "usr/bin" / _PROGRAM).exists():
            raise LabError(f"the backports have no {_SYSTEM} that is newer than this machine's")
        start = tree / _PROGRAM
        start.write_text(_START.replace("FOLDER", str(target)))
        start.chmod(0o755)
        tree.rename(target)


_START = f"""#!/bin/sh
export LD_LIBRARY_PATH='FOLDER/usr/lib/x86_64-linux-gnu' QEMU_MODULE_DIR='FOLDER/usr/lib/x86_64-linux-gnu/qemu'
exec 'FOLDER/usr/bin/{_PROGRAM}' -L 'FOLDER/usr/share/qemu' -L 'FOLDER/usr/share/seabios' "$@"
"""
