"""The numbers to reach, one by one, held against the records."""
from lib.ratios import median

MIB = 1024 * 1024
NOT_RECORDED = ("not recorded", "")


def _verdict(reached):
    return "reached" if reached else "**not reached**"


def _throughput(compare, **wanted):
    """The good throughput cells of a comparison whose fields are as wanted."""
    return [cell for cell in compare["cells"] if "packets_per_second" in cell and "failed" not in cell
            and all(cell[key] == value for key, value in wanted.items())]


def _lowest(cells, figure):
    return min(cells, key=figure)


def _ratio(cell):
    return cell["ratio"]["median"]


def _against_minimal(records):
    cells = _throughput(records["compare"], backend="a", pairs=1)
    if not cells:
        return NOT_RECORDED
    text, reached = [], True
    for bursts, least in (((32,), 1.5), ((1, 8), 1.3)):
        ratios = [_ratio(cell) for cell in cells if cell["burst"] in bursts]
        if ratios:
            middle = median(ratios)
            reached &= middle >= least
            text.append(f"burst {' and '.join(map(str, bursts))}: median {middle:.2f}, "
                        f"{sum(ratio >= least for ratio in ratios)} of {len(ratios)} cells at least {least}")
    worst = _lowest(cells, _ratio)
    reached &= _ratio(worst) >= 1.1
    return "; ".join(text + [f"lowest {_ratio(worst):.2f} ({worst['name']})"]), _verdict(reached)


def _against_vhost(records):
    cells = _throughput(records["compare"], backend="b", pairs=1)
    if not cells:
        return NOT_RECORDED
    worst = _lowest(cells, _ratio)
    ratios = [_ratio(cell) for cell in cells]
    under = sum(ratio < 1.0 for ratio in ratios)
    return (f"lowest {_ratio(worst):.2f} ({worst['name']}); {under} of {len(cells)} cells under 1.0, "
            f"{sum(ratio >= 1.2 for ratio in ratios)} at least 1.2, median {median(ratios):.2f}", _verdict(under == 0))


def _share_of_limit(records):
    cells = [cell for cell in records["compare"]["cells"] if "share_of_limit" in cell]
    if not cells:
        return NOT_RECORDED
    def share(cell):
        return cell["share_of_limit"]["median"]
    worst = _lowest(cells, share)
    jobs = ", ".join(f"{ring} {job} {median([share(c) for c in cells if (c['ring'], c['job']) == (ring, job)]):.0%}"
                     for ring, job in dict.fromkeys((c["ring"], c["job"]) for c in cells))
    return f"medians: {jobs}; lowest {share(worst):.0%} ({worst['name']})", _verdict(share(worst) >= 0.7)


def _instructions(records):
    cells = records["instructions"]["cells"]
    text, reached = [], True
    for job, most in (("send", 25), ("receive", 25), ("forward", 45)):
        counts = {name: count for name, count in cells.items() if f" {job} burst 32" in name}
        best, worst = min(counts, key=counts.get), max(counts, key=counts.get)
        reached &= counts[worst] <= most
        text.append(f"{job} {counts[best]:.1f} to {counts[worst]:.1f} ({worst})")
    return "; ".join(text), _verdict(reached)


def _checks(records):
    cells = records["checks"]["cells"]
    def cost(cell):
        return cell["ratio"]["median"] - 1
    def more_instructions(cell):
        return cell["instructions"]["checked"] - cell["instructions"]["unchecked"]
    most = max(cells, key=cost)
    middle = median(list(map(cost, cells)))  # of single cells the scatter is several times the cost
    return (f"median {middle:+.1%}, most {cost(most):+.1%} ({most['name']}); instructions per "
            f"packet {min(map(more_instructions, cells)):+.2f} to {max(map(more_instructions, cells)):+.2f}",
            _verdict(middle < 0.02))


def _two_pairs(records):
    cells = [cell for cell in records["compare"]["cells"] if "scaling" in cell]
    if not cells:
        return NOT_RECORDED
    def scaling(cell):
        return cell["scaling"]["vmq"]["median"]
    worst = _lowest(cells, scaling)
    dpdk = median([cell["scaling"]["dpdk"]["median"] for cell in cells])
    middle = median(list(map(scaling, cells)))
    return (f"median {middle:.2f} (DPDK {dpdk:.2f}), lowest {scaling(worst):.2f} ({worst['name']})",
            _verdict(middle >= 1.9))


def _changes(records):
    layouts = records["resize"]["layouts"].values()
    lost, doubled, reordered = (sum(result[key] for result in layouts) for key in ("lost", "doubled", "reordered"))
    slowest = max(result["p99_us"] for result in layouts)
    return (f"{lost} lost, {doubled} doubled, {reordered} out of order of {sum(result['sent'] for result in layouts)} packets in "
            f"{sum(result['changes'] for result in layouts)} changes; 99th percentile {slowest / 1000:.2f} ms",
            _verdict(lost == doubled == reordered == 0 and slowest < 1000))


def _wake_up(records):
    cells = [cell for cell in records["wakeup"]["cells"] if cell["sleep"] and "failed" not in cell]
    text = [f"{cell['backend']} {cell['ring']}: {median(cell['round_trip']['vmq'][key]) / 1000:.1f} us, DPDK "
            f"{median(cell['round_trip']['dpdk'][key]) / 1000:.1f} ({name})"
            for cell in cells for key, name in (("p50_ns", "p50"), ("p99_ns", "p99"))]
    slower = any(cell[key]["median"] < 1 for cell in cells for key in ("ratio", "ratio_p99"))
    return "; ".join(text), _verdict(cells and not slower)


def _many_pairs(records):
    openings = records["footprint"]["openings"]
    more = max(result["more_seconds"] for result in openings.values())
    excess = max(result["device_bytes_per_pair"] / result["needed_per_pair"] - 1 for result in openings.values())
    return (f"{more:.2f} s more; {excess:+.1%} over rings and buffers", _verdict(more < 1 and excess <= 0.1))


def _resident(records):
    memory = records["footprint"]["memory"]
    total = memory["resident"] + memory["huge_pages"]
    return f"{total / MIB:.1f} MiB, {memory['huge_pages'] / MIB:.1f} of it huge pages", _verdict(total < 24 * 10**6)


def _library(records):
    library = records["footprint"]["library"]
    return (f"the smallest program has {library['program_text']} bytes of text, the archive {library['archive_text']}; "
            f"it names {', '.join(library['named'])}",
            _verdict(library["program_text"] < 10**6 and all("hwloc" in name for name in library["named"])))


GOALS = (
    ("vmq : DPDK, backend (a), every cell", "median 1.5 at burst 32, 1.3 at bursts 1 and 8; no cell under 1.1",
     "compare", _against_minimal),
    ("vmq : DPDK, backend (b), every cell", "no cell under 1.0; 1.2 where the backend is not the limit", "compare",
     _against_vhost),
    ("share of the line-transfer limit, backend (a), burst 32", "70 %", "compare", _share_of_limit),
    ("instructions per packet, burst 32", "25 send, 25 receive, 45 forward", "instructions", _instructions),
    ("cost of the safety checks, burst 32", "under 2 %", "checks", _checks),
    ("two pairs on two cores against one", "1.9", "compare", _two_pairs),
    ("change of pair count under load", "0 lost or doubled; 99th percentile under 1 ms", "resize", _changes),
    ("wake-up by interrupt", "not slower than DPDK's epoll path", "wakeup", _wake_up),
    ("open with 256 pairs, memory per pair", "under 1 s over one pair; within 10 % of rings and buffers", "footprint",
     _many_pairs),
    ("resident memory, 4 pairs of 2,048 buffers of about 2 KiB", "under 24 MB", "footprint", _resident),
    ("library linked statically", "under 1 MB of text, no third-party library but hwloc", "footprint", _library),
)


def rows(records):
    for what, wanted, record, measured in GOALS:
        yield (what, wanted, *(measured(records) if record in records else NOT_RECORDED))
