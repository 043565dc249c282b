"""Runs the guest matrix: a row of the table for each cell as it ends, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Any

import cells
import guestcase
from lab.cli import Stopped, raise_on_signals
from lab.errors import LabError
from report import Report

HEADINGS = ("transport", "rings", "memory", "buffers", "pairs")
WIDTHS = (12, 6, 8, 9, 5)


def row(words: tuple[str, ...], results: list[str], last: str) -> str:
    left = "  ".join(word.ljust(width) for word, width in zip(words, WIDTHS))
    return f"{left}  {'  '.join(word.ljust(8) for word in results)}  {last}"


class Table(Report):
    """A row a cell; the story of a failure right below it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        print(row(HEADINGS, list(cells.COLUMNS), "seconds"), flush=True)

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._begun = time.monotonic() - getattr(getattr(test, "machine", None), "boot_seconds", 0.0)

    def _line(self, word: str, test: unittest.TestCase, story: str = "", reason: str = "") -> None:
        cell, seen = test.cell, test.seen
        results = [seen.get(column, "-") for column in cells.COLUMNS]
        seconds = round(time.monotonic() - self._begun, 1)
        trouble = "" if word == "ok" else f"{word}: {reason}" if reason else word
        print(row(cell.words, results, f"{seconds:7.1f}  {trouble}".rstrip()))
        for line in story.rstrip().splitlines():
            print(f"    {line}")
        sys.stdout.flush()
        about = dict(zip(HEADINGS, cell.words))
        self.rows.append({**about, "pairs": cell.pairs, **dict(zip(cells.COLUMNS, results)), "result": word,
                          "seconds": seconds, "reason": reason or story})


def summary(table: Table) -> dict[str, Any]:
    version = subprocess.run([guestcase.qemu(), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "schema": "vmq.matrix/1",
        "kernel": guestcase.guest_kernel().version,
        "qemu": version.splitlines()[0],
        "acceleration": guestcase.acceleration(),
        "cells": table.rows,
        "passed": table.passed,
        "failed": table.failed,
        "skipped": len(table.skipped),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/vm/matrix", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only the cells that have all of these, such as legacy 4")
    parser.add_argument("--list", action="store_true", help="print the cells and run nothing")
    parser.add_argument("--quick", action="store_true", help="the handful that tests/vm/run has too")
    parser.add_argument("--json", metavar="FILE", help="write the table there as well")
    guestcase.add_options(parser)
    options = parser.parse_args()
    chosen = [cell for cell in (cells.QUICK if options.quick else cells.every_cell()) if set(options.words) <= set(cell.words)]
    if not chosen:
        parser.error(f"no cell is {' '.join(options.words)}")
    if options.list:
        print("\n".join(cell.name for cell in chosen))
        return 0
    guestcase.use(options)
    raise_on_signals()
    table = Table()
    try:
        unittest.TestSuite(cells.case(cell, __name__)("test_cell") for cell in chosen).run(table)
        if options.json:
            Path(options.json).write_text(json.dumps(summary(table), indent=1) + "\n", encoding="utf-8")
    except LabError as error:
        print(f"matrix: {error}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        return 128 + stopped.number
    print(f"{table.passed} passed, {table.failed} failed, {len(table.skipped)} skipped")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
