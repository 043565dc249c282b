"""C++ programs for guests, docs/examples and the tests' own: compiled once, against the library that the tools belong to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from lab.build import PRESET, TREE
from lab.errors import LabError
from lab.process import run


@lru_cache(maxsize=None)
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="vmq-examples-")


@lru_cache(maxsize=None)
def program(source: Path, tools_folder: Optional[str], package: Optional[str] = None) -> Path:
    """The program that a C++ file is, named as the file; `tools_folder` as tests/vm/run takes it. `package`: of
    pkg-config, what it needs beside vmq."""
    build = TREE / "build" / PRESET if tools_folder is None else Path(tools_folder).resolve().parent
    library = build / "driver" / "libvmq.a"
    if not library.is_file():
        raise LabError(f"{library} is missing: build the library first")
    needs = run(["pkg-config", "--cflags", "--libs", package], f"finding {package}").split() if package else []
    made = Path(_folder().name, source.stem)
    run(["c++", "-std=c++20", "-O2", f"-I{TREE / 'include'}", f"-I{build / 'include'}", str(source), str(library),
         "-lhwloc", *needs, "-pthread", "-o", str(made)],
        f"building {source.stem}")
    return made


def example(name: str, tools_folder: Optional[str], package: Optional[str] = None) -> Path:
    """docs/examples/NAME.cpp as a program."""
    return program(TREE / "docs" / "examples" / f"{name}.cpp", tools_folder, package)
