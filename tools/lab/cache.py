"""The lab's cache folder: kernels and what was learnt about this machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def alone() -> Iterator[None]:
    """While something is added: of several labs one at a time."""
    lock = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "vmq"
    path.mkdir(parents=True, exist_ok=True)
    return path
