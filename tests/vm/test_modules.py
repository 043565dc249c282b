"""Kernels differ in how their modules lie on disk: packed or not, as modules or built in."""

from __future__ import annotations

import gzip
import lzma
import tempfile
import unittest
from pathlib import Path

from lab import modules
from lab.errors import LabError

# name -> what it depends on
TREE = {
    "virtio": ["virtio_ring"],
    "virtio_ring": [],
    "virtio_pci": ["virtio", "virtio_ring"],
    "virtio_net": ["virtio", "failover"],
    "failover": [],
    "vfio": [],
    "vfio-pci-core": ["vfio"],
    "vfio-pci": ["vfio-pci-core", "vfio"],
    "vfio_iommu_type1": ["vfio"],
    "unrelated": ["vfio"],
}


def image(name: str) -> bytes:
    """As much of a module as the lab reads."""
    return b"\x7fELF\0name=" + name.encode() + b"\0depends=" + ",".join(TREE[name]).encode() + b"\0retpoline=Y\0"


class LoadOrder(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def lay(self, names: list[str], suffix: str = "", pack=lambda data: data) -> None:
        folder = self.folder / "kernel/drivers"
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / f"{name}.ko{suffix}").write_bytes(pack(image(name)))

    def check(self) -> list[str]:
        order = modules.load_order(self.folder)
        names = [name for name, _ in order]
        for name, data in order:
            original = next(key for key in TREE if key.replace("-", "_") == name)
            self.assertEqual(data, image(original))
            for dependency in TREE[original]:
                if dependency.replace("-", "_") in names:
                    self.assertLess(names.index(dependency.replace("-", "_")), names.index(name))
        self.assertEqual(len(set(names)), len(names))
        self.assertNotIn("unrelated", names)
        return names

    def test_plain(self) -> None:
        self.lay(list(TREE))
        self.assertEqual(len(self.check()), len(TREE) - 1)

    def test_packed(self) -> None:
        for suffix, pack in ((".xz", lzma.compress), (".gz", gzip.compress)):
            with tempfile.TemporaryDirectory() as scratch:
                self.folder = Path(scratch)
                self.lay(list(TREE), suffix, pack)
                self.assertEqual(len(self.check()), len(TREE) - 1)

    def test_built_in_modules_are_left_out(self) -> None:
        self.lay([name for name in TREE if not name.startswith("vfio")])
        lines = [f"kernel/drivers/vfio/{name}.ko\n" for name in TREE if name.startswith("vfio")]
        (self.folder / "modules.builtin").write_text("".join(lines), encoding="ascii")
        self.assertEqual(sorted(self.check()), ["failover", "virtio", "virtio_net", "virtio_pci", "virtio_ring"])

    def test_absent_optional_module_is_no_error(self) -> None:
        self.lay([name for name in TREE if name != "vfio_iommu_type1"])
        self.assertNotIn("vfio_iommu_type1", self.check())

    def test_absent_required_module_is_named(self) -> None:
        self.lay([name for name in TREE if name != "failover"])
        with self.assertRaisesRegex(LabError, "failover"):
            modules.load_order(self.folder)
