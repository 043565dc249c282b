"""Runs the tests with dpdk-testpmd: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import sys
import unittest
from pathlib import Path

import peercase
import testpmd
from lab import build
from report import choose, run, tests_in


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/peer/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--tools", metavar="DIR", help="take mqctl, mqstat and mqperf from here; build nothing")
    options = parser.parse_args()

    found = list(tests_in(unittest.defaultTestLoader.discover(str(Path(__file__).parent))))
    chosen = choose(parser, found, options.names)
    if options.list:
        print("\n".join(test.id() for test in chosen))
        return 0
    if not testpmd.reason_to_skip():
        peercase.tools_folder = build.programs(options.tools)[0].parent.absolute()
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
