"""The blocks of figures in docs/performance.md."""
from lib import callgrind, goals, machine
from lib.cells import BURSTS_AND_SIZES, JOBS
from lib.ratios import median
from lib.table import markdown_table

NOTHING = "Nothing is recorded yet."
BACKENDS = {"a": "the minimal backend", "b": "DPDK's vhost"}


def _features(cell):
    words = ["in-order"] * cell["in_order"] + ["mergeable"] * cell["mergeable"]
    return f"{cell['ring']} {' '.join(words)}".strip()


def _ratio_text(cell):
    if "failed" in cell:
        return "failed"
    ratio = cell["ratio"]
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _ratios(cells, job):
    """One table: a row for each ring with its features, a column for each burst and size."""
    head = ["ring"] + [f"burst {burst}" + (f", {size} bytes" if size != 64 else "") for burst, size in BURSTS_AND_SIZES]
    rows = {}
    for cell in cells:
        if cell["job"] == job:
            rows.setdefault(_features(cell), {})[(cell["burst"], cell["size"])] = _ratio_text(cell)
    return markdown_table(head, [[name, *(row.get(key, "") for key in BURSTS_AND_SIZES)] for name, row in rows.items()])


def _comparison(records, pairs):
    parts = []
    for backend, title in BACKENDS.items():
        for job in JOBS:
            cells = [cell for cell in records["compare"]["cells"]
                     if (cell["backend"], cell["pairs"], cell["job"]) == (backend, pairs, job)]
            if cells:
                parts.append(f"**{job}, {title}**\n\n{_ratios(cells, job)}")
    return "\n\n".join(parts) or NOTHING


def _machine(records):
    compare = records["compare"]
    lines = [cell["line_latency_ns"] for cell in compare["cells"] if "line_latency_ns" in cell]
    latency = (f" One line from one core to the other took {min(lines):.0f} to {max(lines):.0f} ns, "
               f"median {median(lines):.0f}." if lines else "")
    return (f"{machine.sentence(compare['machine'])}; {compare['rounds']} rounds of {compare['milliseconds']} ms of "
            f"each program in each cell.{latency}")


def _round_trips(records):
    head = ["backend, ring, driver", "vmq p50", "DPDK p50", "vmq p99", "DPDK p99", "DPDK : vmq, p50"]
    rows = []
    for cell in records["wakeup"]["cells"]:
        name = f"{BACKENDS[cell['backend']]}, {cell['ring']}, {'sleeps' if cell['sleep'] else 'polls'}"
        if "failed" in cell:
            rows.append([name, "failed"])
            continue
        trips = cell["round_trip"]
        rows.append([name, *(f"{median(trips[program][key]) / 1000:.2f} us" for key in ("p50_ns", "p99_ns")
                             for program in ("vmq", "dpdk")), _ratio_text(cell)])
    return markdown_table(head, rows)


def _instructions(records):
    counts = {name: count for name, count in records["instructions"]["cells"].items() if " burst " in name}
    names = list(dict.fromkeys(name.split(" burst ")[0] + name.partition(" burst ")[2].lstrip("0123456789")
                               for name in counts))
    rows = []
    for name in names:
        ring, job, *features = name.split(" ")
        rows.append([f"{ring} {' '.join(features)}".strip(), job,
                     *(f"{counts[' '.join([ring, job, 'burst', str(burst), *features])]:.1f}" for burst in (1, 8, 32))])
    text = markdown_table(["ring", "job", "burst 1", "burst 8", "burst 32"], rows)
    return f"{text}\n\nCompiled by {records['instructions']['compiler']}."


def _copies(records):
    counts = records["instructions"]["cells"]
    rows = []
    for ring in callgrind.RINGS:
        for size in callgrind.SIZES:
            cells = [callgrind.PayloadCell(ring, way, size) for way in callgrind.WAYS]
            if any(cell.name not in counts for cell in cells):
                return NOTHING
            rows.append([ring, f"{size:,}", *(f"{counts[cell.name]:.0f}" for cell in cells),
                         *(f"{counts[cell.name] / size:.4f}" for cell in cells)])
    head = ["ring", "bytes of a packet", *(f"{way}, per {unit}" for unit in ("packet", "byte") for way in callgrind.WAYS)]
    return markdown_table(head, rows)


def _tcp(records):
    def figure(cell, way):
        return f"{median(cell[way]):.2f} ({min(cell[way]):.2f} to {max(cell[way]):.2f})"
    rows = [[cell["offloads"] or "none", *(figure(cell, way) for way in ("up", "down")),
             *(f"{median(cell[way + '_packets']):.0f}" for way in ("up", "down"))] for cell in records["tcp"]["cells"]]
    head = ["left to the device", "uploaded", "downloaded", "packets up", "packets down"]
    return (f"{markdown_table(head, rows)}\n\n{records['tcp']['rounds']} rounds, in each of them "
            f"{records['tcp']['mebibytes']} MiB up and down with each set of offloads; median and range.")


BLOCKS = {
    "machine": ("compare", _machine),
    "goals": (None, lambda records: markdown_table(("what", "wanted", "measured", ""), goals.rows(records))),
    "one pair": ("compare", lambda records: _comparison(records, 1)),
    "two pairs": ("compare", lambda records: _comparison(records, 2)),
    "round trips": ("wakeup", _round_trips),
    "instructions": ("instructions", _instructions),
    "tcp": ("tcp", _tcp),
    "copies": ("instructions", _copies),
}


def text(name, records):
    record, write = BLOCKS[name]
    return write(records) if record is None or record in records else NOTHING
