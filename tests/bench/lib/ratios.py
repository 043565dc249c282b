"""Medians, ranges and percentiles."""
import math


def median(values):
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, percent):
    """The smallest value that at least that share of all values does not exceed."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def paired_ratio(numerators, denominators):
    """Ratios round by round, never of two medians: noise that lasts for a round and longer hits both sides alike."""
    if len(numerators) != len(denominators):
        raise ValueError("rounds do not pair up")
    ratios = [a / b for a, b in zip(numerators, denominators)]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}
