"""The comparison's table."""
from lib.ratios import median

HEAD = ("cell", "vmq", "DPDK", "ratio", "range", "of the limit", "2 pairs : 1", "line ns")


def _range(ratio):
    return f"{ratio['low']:.2f} to {ratio['high']:.2f}"


def _figures(record):
    if "round_trip" in record:
        trips = record["round_trip"]
        return [f"{median(trips[name]['p50_ns']) / 1000:.2f} us, p99 {median(trips[name]['p99_ns']) / 1000:.2f}"
                for name in ("vmq", "dpdk")]
    rates = record["packets_per_second"]
    return [f"{median(rates[name]) / 1e6:.2f} M/s" for name in ("vmq", "dpdk")]


def row(record):
    if "failed" in record:
        return [record["name"], "failed"]
    share = record.get("share_of_limit")
    scaling = record.get("scaling")
    return [record["name"], *_figures(record), f"{record['ratio']['median']:.2f}", _range(record["ratio"]),
            f"{share['median']:.0%}" if share else "",
            f"{scaling['vmq']['median']:.2f}, DPDK {scaling['dpdk']['median']:.2f}" if scaling else "",
            f"{record['line_latency_ns']:.0f}"]
