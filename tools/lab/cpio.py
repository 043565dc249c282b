"""Writes the "newc" archives that the kernel unpacks as its initial root file system."""

from __future__ import annotations

import stat


class Archive:
    """A cpio archive in memory. Parent folders are made as needed."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._folders: set[str] = set()
        self._inode = 0

    def folder(self, path: str) -> None:
        self._parents(path)
        if path not in self._folders:
            self._folders.add(path)
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, data: bytes, mode: int = 0o755) -> None:
        self._parents(path)
        self._entry(path, stat.S_IFREG | mode, data)

    def link(self, path: str, target: str) -> None:
        self._parents(path)
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def finish(self) -> bytes:
        self._entry("TRAILER!!!", 0, b"")
        return bytes(self._data)

    def _parents(self, path: str) -> None:
        if "/" in path:
            self.folder(path.rsplit("/", 1)[0])

    def _entry(self, path: str, mode: int, data: bytes) -> None:
        self._inode += 1
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (self._inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
        self._data += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self._pad()
        self._data += data
        self._pad()

    def _pad(self) -> None:
        self._data += b"\0" * (-len(self._data) % 4)
