"""Runs the guest scenarios: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import sys
import time
import unittest
from pathlib import Path
from typing import Iterator

import guestcase
from lab.cli import Stopped, raise_on_signals


class Report(unittest.TestResult):
    """One line per test as it ends; the story of a failure right below it."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self._started = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._started = time.monotonic()

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1
        self._line("ok", test)

    def addFailure(self, test: unittest.TestCase, err: tuple) -> None:
        super().addFailure(test, err)
        self._line("FAILED", test, self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: tuple) -> None:
        super().addError(test, err)
        self._line("FAILED", test, self.errors[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._line("skipped", test, reason=reason)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: object) -> None:
        raise NotImplementedError("a scenario is one test; no sub-tests")

    @property
    def failed(self) -> int:
        return len(self.failures) + len(self.errors)

    def _line(self, word: str, test: unittest.TestCase, story: str = "", reason: str = "") -> None:
        seconds = time.monotonic() - self._started if self._started else 0.0
        print(f"{word:8}{test.id()} ({seconds:.1f} s){': ' + reason if reason else ''}", flush=True)
        for line in story.rstrip().splitlines():
            print(f"    {line}", flush=True)
        self._started = 0.0


def tests_in(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_in(entry)
        else:
            yield entry


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/vm/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--tools", metavar="DIR", help="take mqctl, mqstat and mqperf from here; build nothing")
    options = parser.parse_args()

    found = list(tests_in(unittest.defaultTestLoader.discover(str(Path(__file__).parent))))
    chosen = [test for test in found if not options.names or any(name in test.id() for name in options.names)]
    if not chosen:
        parser.error(f"no test is named like {' or '.join(options.names)}")
    if options.list:
        print("\n".join(test.id() for test in chosen))
        return 0
    guestcase.tools_folder = options.tools
    raise_on_signals()
    report = Report()
    try:
        unittest.TestSuite(chosen).run(report)
    except Stopped as stopped:
        return 128 + stopped.number
    print(f"{report.passed} passed, {report.failed} failed, {len(report.skipped)} skipped")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
