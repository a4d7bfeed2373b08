"""The documents of the project and the fenced blocks in them."""
import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Block:
    line: int  # Of the opening fence.
    info: str  # What follows the fence, e.g. "sh" or "text output".
    text: str


def documents(root):
    """README.md files and everything under docs/."""
    found = [root / "README.md", root / "tools" / "sample" / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [path for path in found if path.exists()]


def blocks(path):
    found, opened = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), start=1):
        fence = re.match(r"```(.*)$", line)
        if opened is None:
            if fence:
                opened = Block(number, fence[1].strip(), "")
        elif fence and not fence[1].strip():
            found.append(opened)
            opened = None
        else:
            opened.text += line
    if opened is not None:
        raise SystemExit(f"{path}:{opened.line}: the block does not end")
    return found


def relative(path, root):
    return path.relative_to(pathlib.Path(root))
