"""The fenced blocks of README.md and docs/: each says by its first line's words what it is and who tries it."""
import dataclasses
import pathlib
import re

TREE = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass
class Block:
    place: str  # file:line
    language: str
    mark: str  # the words after the language
    text: str


def blocks_of(file):
    text = file.read_text()
    for match in FENCE.finditer(text):
        language, _, mark = match[2].strip().partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        body = "".join(part.removeprefix(match[1]) for part in match[3].splitlines(keepends=True))
        yield Block(f"{file.name}:{line}", language, mark.strip(), body)


def all_blocks(tree=TREE):
    for file in [tree / "README.md", *sorted((tree / "docs").rglob("*.md"))]:
        yield from blocks_of(file)
