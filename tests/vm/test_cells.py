"""Some cells of the guest matrix. tests/vm/matrix runs them all."""

from __future__ import annotations

import unittest

import cells

CASES = [cells.case(cell, __name__) for cell in cells.QUICK]


def load_tests(loader: unittest.TestLoader, _: unittest.TestSuite, __: object) -> unittest.TestSuite:
    return unittest.TestSuite(loader.loadTestsFromTestCase(one) for one in CASES)
