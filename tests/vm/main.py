"""Runs the guest scenarios: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import sys
import unittest
from pathlib import Path

import guestcase
from report import choose, run, tests_in


def already_packed(test: unittest.TestCase) -> bool:
    """Whether another test becomes this one when every ring is packed."""
    return isinstance(test, guestcase.GuestCase) and test.config.packed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/vm/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--packed", action="store_true", help="every guest's device has packed rings, not only some guests'")
    guestcase.add_options(parser)
    options = parser.parse_args()

    found = list(tests_in(unittest.defaultTestLoader.discover(str(Path(__file__).parent))))
    if options.packed:
        found = [test for test in found if not already_packed(test)]
    chosen = choose(parser, found, options.names)
    if options.list:
        print("\n".join(test.id() for test in chosen))
        return 0
    guestcase.use(options)
    guestcase.packed_rings = options.packed
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
