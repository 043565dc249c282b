"""What a driver did, as seen from outside."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Optional


@dataclass
class Outcome:
    what: str  # for people
    good: Optional[bool] = None  # None: not judged
    details: Optional[dict] = None


def ended(code: int) -> str:
    """A process's end, from subprocess's return code."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def number(count: int) -> str:
    return f"{count:,}"
