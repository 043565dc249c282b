"""Statements about a run that are either true or not, with what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Checks:
    """Collects them in order."""

    entries: list[tuple[str, bool, str]] = field(default_factory=list)

    def add(self, statement: str, holds: bool, seen: str = "") -> bool:
        self.entries.append((statement, bool(holds), seen))
        return bool(holds)

    @property
    def passed(self) -> bool:
        return bool(self.entries) and all(holds for _, holds, _ in self.entries)

    def lines(self) -> list[str]:
        return [f"{'PASS' if holds else 'FAIL'}  {text}{f': {seen}' if seen else ''}" for text, holds, seen in self.entries]

    def as_json(self) -> list[dict[str, object]]:
        return [{"statement": text, "passed": holds, "seen": seen} for text, holds, seen in self.entries]
