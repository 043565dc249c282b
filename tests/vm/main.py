"""Runs the guest scenarios: one line per test, then `N passed, N failed, N skipped`."""

from __future__ import annotations

import argparse
import os
import sys
import unittest
from pathlib import Path

import guestcase
from report import choose, run, tests_in
from shares import run_shares


def already_packed(test: unittest.TestCase) -> bool:
    """Whether another test becomes this one when every ring is packed."""
    return isinstance(test, guestcase.GuestCase) and test.config.packed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/vm/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--packed", action="store_true", help="every guest's device has packed rings, not only some guests'")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), metavar="N",
                        help="guests at once (default: one a processor, at most 4)")
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
    if options.jobs == 1 or guestcase.reason_to_skip():
        return run(chosen)
    guestcase.prepare()
    return run_shares(chosen, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
