"""Builds the project's tools, so that a guest always gets what the sources say."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import Optional

from lab.errors import LabError
from lab.process import run

TREE = Path(__file__).resolve().parents[2]
PRESET = "release"
TOOLS = ("mqctl", "mqstat", "mqperf")


def programs(folder: Optional[str]) -> list[Path]:
    """The executables for the guest: those in `folder`, or else this tree's own, built first; and ethtool."""
    if folder is None:
        _build()
    found = _existing(TREE / "build" / PRESET / "tools" if folder is None else Path(folder))
    ethtool = shutil.which("ethtool", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return [*found, Path(ethtool)] if ethtool else found


def _existing(folder: Path) -> list[Path]:
    missing = [name for name in TOOLS if not (folder / name).is_file()]
    if missing:
        raise LabError(f"{folder} holds no {', '.join(missing)}")
    return [folder / name for name in TOOLS]


def _build() -> None:
    # Two labs at a time build one after the other.
    lock = os.open(TREE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (TREE / "build" / PRESET / "build.ninja").is_file():
            print("mqlab: building vmq for the first time; this takes some minutes", file=sys.stderr, flush=True)
            run(["cmake", "--preset", PRESET], "configuring the build", cwd=str(TREE))
        jobs = str(len(os.sched_getaffinity(0)))
        run(["cmake", "--build", "--preset", PRESET, "-j", jobs, "--target", *TOOLS], "building", cwd=str(TREE))
    finally:
        os.close(lock)
