"""The misdeeds: what each is called, in which rings there is one, and what vmq's documentation says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

LAYOUTS = ("split", "packed")


@dataclass(frozen=True)
class Kind:
    name: str  # the backend's word
    story: str
    counter: Optional[str]  # of pair 0 in vmq's statistics, which counts each misdeed; None: of receive offloads
    breaks: bool = False  # the pair is broken: its counter is 1, and nothing more is read from its queue
    layouts: tuple = LAYOUTS


KINDS = (
    Kind("id-outside", "used id that the ring does not have", "rx_faults", breaks=True),
    Kind("id-twice", "the same buffer used twice", "rx_faults", breaks=True),
    Kind("index-jump", "used index two rings ahead", "rx_faults", breaks=True, layouts=("split",)),
    Kind("length-beyond", "60,000 bytes written into a buffer of 2 KiB", "rx_drops_oversized"),
    Kind("length-short", "6 bytes written, half a header", "rx_drops_short"),
    Kind("many-buffers", "num_buffers 65,535", "rx_drops_bad_header"),
    Kind("no-buffers", "num_buffers 0", "rx_drops_bad_header"),
    Kind("checksum-beyond", "csum_start 60,000 of a packet of 64 bytes", None),
    Kind("transmit-id-outside", "transmitq: used id that the ring does not have", "tx_faults", breaks=True),
    Kind("transmit-id-twice", "transmitq: the same buffer used twice", "tx_faults", breaks=True),
)
