"""Runs python test cases: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import time
import unittest
from typing import Iterator


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
