"""Files that a test and a program which it began have in common, read and written at any time."""

import json
from pathlib import Path
from typing import Any


def whole_lines(path: Path) -> list[Any]:
    """The JSON of a file's lines, but for one that is still being written."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def write_whole(path: Path, text: str) -> None:
    """Writes a file of which nobody may see a half."""
    unfinished = path.parent.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.rename(path)
