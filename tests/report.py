"""Runs python test cases: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import time
import unittest
from typing import Iterator

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


def choose(parser: argparse.ArgumentParser, found: list, names: list[str]) -> list:
    """The tests whose name contains one of these, all when none is given; a usage error when that is no test."""
    chosen = [test for test in found if not names or any(name in test.id() for name in names)]
    if not chosen:
        parser.error(f"no test is named like {' or '.join(names)}")
    return chosen


def run(chosen: list) -> int:
    """Runs the tests, prints the sum and returns the exit code."""
    raise_on_signals()
    report = Report()
    try:
        unittest.TestSuite(chosen).run(report)
    except Stopped as stopped:
        return 128 + stopped.number
    print(f"{report.passed} passed, {report.failed} failed, {len(report.skipped)} skipped")
    return 1 if report.failed else 0
