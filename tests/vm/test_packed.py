"""Scenarios of the other modules with packed rings: those where the layout matters most. tests/vm/run --packed runs them all."""

from __future__ import annotations

from dataclasses import replace

import test_lifecycle
import test_matrix
import test_migration
import test_offloads
from guestcase import GuestCase


def packed(case: type[GuestCase], *only: str, **changes: object) -> type[GuestCase]:
    """The case's tests (or `only` these of them) in a guest whose device has packed rings."""
    tests = [name for name in dir(case) if name.startswith("test_")]
    absent = set(only) - set(tests)
    assert not absent, f"{case.__name__} has no {absent}"
    left_out = {name: None for name in tests if only and name not in only}
    about = {"__module__": __name__, "__doc__": case.__doc__, "config": replace(case.config, packed=True)}
    return type(f"Packed{case.__name__}", (case,), {**about, **left_out, **changes})


PackedOnePair = packed(test_matrix.OnePair)  # no merged receive buffers
PackedTwoPairsSharedByPair = packed(test_matrix.TwoPairsSharedByPair)  # no event index
PackedEightPairsOnNumaAndSmt = packed(test_matrix.EightPairsOnNumaAndSmt, "test_application")
PackedJumboFrames = packed(test_matrix.JumboFrames)
PackedRunning = packed(
    test_lifecycle.Running, "test_pairs_change_under_traffic", "test_killed_under_traffic_again_and_again", kills=3
)
PackedMigration = packed(test_migration.Migration)
PackedOffloads = packed(test_offloads.Offloads, "test_segments_stay_together_both_ways",
                        "test_what_the_device_is_not_asked_for_is_done_here")
