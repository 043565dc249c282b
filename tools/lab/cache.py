"""The lab's cache folder: kernels and what was learnt about this machine."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "vmq"
    path.mkdir(parents=True, exist_ok=True)
    return path
