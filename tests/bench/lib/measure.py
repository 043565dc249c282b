"""One cell measured: its parties in alternation, and what follows from their results."""
import dataclasses

from lib.limit import Limit, limited, seconds
from lib.parties import Lineup, alternate
from lib.processes import Failure
from lib.ratios import median, paired_ratio


def _rates(results):
    return {name: [result["packets"] / result["seconds"] for result in list_] for name, list_ in results.items()}


def _check(results):
    for name, list_ in results.items():
        for result in list_:
            if not result.get("packets", result.get("count")):
                raise Failure(f"{name}: a round moved no packet")


def _throughput(cell, results):
    rates = _rates(results)
    record = {"packets_per_second": rates, "ratio": paired_ratio(rates["vmq"], rates["dpdk"])}
    if limited(cell):
        record["share_of_limit"] = paired_ratio(rates["vmq"], rates["limit"])
    if cell.pairs > 1:
        record["scaling"] = {name: paired_ratio(rates[name], rates[name + "-one"]) for name in ("vmq", "dpdk")}
    return record


def _round_trips(results):
    trips = {name: {key: [result[key] for result in list_] for key in ("p50_ns", "p99_ns")}
             for name, list_ in results.items()}
    return {"round_trip": trips,
            "ratio": paired_ratio(trips["dpdk"]["p50_ns"], trips["vmq"]["p50_ns"]),
            "ratio_p99": paired_ratio(trips["dpdk"]["p99_ns"], trips["vmq"]["p99_ns"])}


def _parties(lineup, cell):
    shared = cell.pairs > 1
    parties = {name: lineup.party(name, cell, shared) for name in ("vmq", "dpdk")}
    if shared:  # against one pair whose driver and backend share one processor in the same way
        one = dataclasses.replace(cell, pairs=1)
        parties |= {name + "-one": lineup.party(name + "-one", one, shared) for name in ("vmq", "dpdk")}
    return parties


START_SECONDS = 1.2  # of one party, by experience


def estimate(cell, rounds, milliseconds):
    """Seconds that a cell takes."""
    parties = 4 if cell.pairs > 1 else 2
    return parties * (START_SECONDS + rounds * milliseconds / 1000) + seconds() * (rounds if limited(cell) else 1)


def measure(programs, cpus, cell, rounds, milliseconds):
    """The record of one cell. One that fails is tried once more, and both reasons are kept."""
    first = _try(programs, cpus, cell, rounds, milliseconds)
    if "failed" not in first:
        return first
    return _try(programs, cpus, cell, rounds, milliseconds) | {"failed_at_first": first["failed"]}


def _try(programs, cpus, cell, rounds, milliseconds):
    record = dataclasses.asdict(cell) | {"name": cell.name}
    try:
        with Lineup(programs, cpus) as lineup:
            parties = _parties(lineup, cell)
            record["dpdk_routines"] = parties["dpdk"].description.get("routines")
            limit = Limit(programs, cpus, cell)
            results = alternate(parties | ({"limit": limit} if limited(cell) else {}), rounds, milliseconds)
            lines = [result["line_latency_ns"] for result in results.get("limit") or [limit.run()]]
        record["line_latency_ns"] = median(lines)
        _check(results)
        return record | (_round_trips(results) if cell.job == "ping" else _throughput(cell, results))
    except Failure as failure:
        return record | {"failed": str(failure)}


def summary(records):
    """Medians over cells, for the last line of a run."""
    good = [record["ratio"]["median"] for record in records if "failed" not in record]
    return {"cells": len(records), "failed": len(records) - len(good),
            "median": median(good) if good else None, "lowest": min(good) if good else None}
