"""The `sh lab` blocks of docs/, run in a guest as they stand: all blocks of a page are one script."""

from __future__ import annotations

import sys
from pathlib import Path

from guestcase import GuestCase
from lab.config import GuestConfig

sys.path.append(str(Path(__file__).resolve().parents[1] / "newcomer"))
from blocks import TREE, blocks_of  # noqa: E402


def page_script(name: str) -> str:
    blocks = [block for block in blocks_of(TREE / "docs" / name) if block.mark == "lab"]
    return "\n".join(["set -eu", *(block.text for block in blocks)])


class Documents(GuestCase):
    """What a reader types works."""

    config = GuestConfig(queues=4, cpus=4)

    def run_page(self, name: str) -> None:
        script = page_script(name)
        self.assertIn("mqctl bind", script)
        self.succeed(script)
        self.assertEqual(self.driver(), "virtio-pci")

    def test_getting_started(self) -> None:
        self.run_page("getting-started.md")

    def test_mqctl(self) -> None:
        self.run_page("mqctl.md")

    def test_mqstat(self) -> None:
        self.run_page("mqstat.md")

    def test_mqperf(self) -> None:
        self.run_page("mqperf.md")

    def test_every_page_with_such_blocks_is_run(self) -> None:
        pages = {page.name for page in (TREE / "docs").glob("*.md") if any(b.mark == "lab" for b in blocks_of(page))}
        self.assertEqual(pages, {"getting-started.md", "mqctl.md", "mqstat.md", "mqperf.md"})
