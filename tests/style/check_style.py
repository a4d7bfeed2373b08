#!/usr/bin/env python3
"""Checks the rules of the tree that no compiler checks: layers, doors, sizes, headers.

    check_style.py ROOT

Prints one line a violation ("file:line: [rule] what is wrong; what to do") and exits 1 if there are any. Needs
nothing but Python. check_style_test.py plants each violation in a made tree and expects it to be found.
"""

import pathlib
import re
import sys
from typing import Iterator, NamedTuple

# A folder of src/ includes itself and folders of a lower level only (docs/ARCHITECTURE.md).
LEVELS = {
    "base": 0,
    "io": 1, "simd": 1,
    "format": 2, "sqlite": 2,
    "wal": 3, "store": 3, "catalog": 3, "quant": 3, "filter": 3,
    "auth": 4, "hnsw": 4, "ivf": 4, "diskann": 4, "overlay": 4,
    "commit": 5,
    "vector": 6, "kv": 6, "doc": 6, "sql": 6, "events": 6, "media": 6,
    "engine": 7,
    "api": 8,
    "server": 9, "flight": 9,
    "app": 10,
}

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "src", "include", "tests", "benches", "tools", "docs", "scripts",
             "README.md", "LICENSE", "build"}

CODE_FOLDERS = ("src", "include", "tests", "benches", "tools")
CODE_SUFFIXES = {".cpp", ".hpp"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".py", ".sh", ".cmake", ".txt", ".md", ".yaml", ".yml"}
FILE_LINES_MAX = 500

# Spelled in two parts, so that this file does not find itself.
LEFT_OVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
INCLUDE = re.compile(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")')
ATOMIC_SHARED = re.compile(r"\batomic\s*<\s*(?:std::)?shared_ptr\b")
FILE_NAME = re.compile(r"[a-z0-9_]+\.(?:cpp|hpp)")


class Door(NamedTuple):
    """A header that only some folders may include."""
    header: re.Pattern
    folders: tuple  # Prefixes of paths.
    advice: str


DOORS = (
    Door(re.compile(r"<(?:[a-z0-9]*intrin|arm_neon|arm_sve|arm_acle|cpuid)\.h>|<xsimd/"), ("src/simd/",),
         "intrinsics live in src/simd only; call a kernel of simd/kernels.hpp instead"),
    Door(re.compile(r"<sqlite3\.h>"), ("src/sqlite/",),
         "sqlite3.h is included in src/sqlite only; use its connection and statement"),
    Door(re.compile(r"<boost/(?:beast|asio)"), ("src/server/", "tests/", "benches/"),
         "Beast and Asio live in src/server only; pass plain requests and replies (api) instead"),
    Door(re.compile(r"<(?:filesystem|fstream|dirent\.h|sys/stat\.h|sys/statvfs\.h|sys/file\.h)>"),
         ("src/io/", "tests/", "benches/"),
         "src/io is the only door to the file system; take an io::FileSystem& (so that tests can fail it)"),
)


class Violation(NamedTuple):
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


class Include(NamedTuple):
    line: int
    spelling: str  # With its brackets or quotes.

    @property
    def target(self) -> str:
        return self.spelling[1:-1]


def includes_of(lines: list) -> list:
    found = []
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            found.append(Include(number, match.group(1)))
    return found


def check_layers(path: str, includes: list) -> Iterator[Violation]:
    """src/ files include own and lower layers; include/ files nothing of src/."""
    parts = path.split("/")
    if parts[0] == "include":
        for include in includes:
            if include.spelling.startswith('"') or include.target.split("/")[0] in LEVELS:
                yield Violation(path, include.line, "public-header",
                                f"{include.spelling} in a public header; include/ stands alone: include "
                                "<vibrato/...> or declare what you need there")
        return
    if parts[0] != "src" or len(parts) < 2:
        return
    folder = parts[1]
    if len(parts) == 2 or folder not in LEVELS:
        yield Violation(path, 1, "layer", f"src/{folder} is no layer; put the file in one of: {', '.join(LEVELS)}")
        return
    for include in includes:
        other = include.target.split("/")[0]
        if include.spelling.startswith('"') and other not in LEVELS:
            yield Violation(path, include.line, "layer",
                            f'{include.spelling} names no layer; write includes of own files as "{folder}/name.hpp"')
        elif other in LEVELS and "/" in include.target and other != folder and LEVELS[other] >= LEVELS[folder]:
            yield Violation(path, include.line, "layer",
                            f"{folder} (level {LEVELS[folder]}) includes {include.spelling} (level {LEVELS[other]}); "
                            f"move what it needs down to a level below {LEVELS[folder]}, or turn the dependency "
                            "around with an interface")


def check_doors(path: str, includes: list) -> Iterator[Violation]:
    """Headers that only one folder may include."""
    for include in includes:
        for door in DOORS:
            if door.header.match(include.spelling) and not path.startswith(door.folders):
                yield Violation(path, include.line, "door", f"{include.spelling}: {door.advice}")


def check_headers(path: str, lines: list, includes: list, root: pathlib.Path) -> Iterator[Violation]:
    """Each header guards itself and compiles alone: it is the first include of its .cpp. (Those without a .cpp are
    compiled one by one by tests/style/CMakeLists.txt.)"""
    if path.endswith(".hpp") and "#pragma once" not in lines:
        yield Violation(path, 1, "pragma-once", "a header without '#pragma once'; add it below the head comment")
    if not path.endswith(".cpp"):
        return
    own = path[: -len(".cpp")] + ".hpp"
    if not (root / own).exists():
        return
    expected = own.split("/", 1)[1]
    if not includes or includes[0].target != expected:
        line = includes[0].line if includes else 1
        yield Violation(path, line, "own-header-first",
                        f"the first include is not {expected}; include it first, which shows that it compiles alone")


def check_text(path: str, lines: list) -> Iterator[Violation]:
    """Sizes, left-overs and what ThreadSanitizer cannot follow."""
    if len(lines) > FILE_LINES_MAX and not path.endswith((".md", ".yaml")):
        yield Violation(path, len(lines), "file-length",
                        f"{len(lines)} lines; at most {FILE_LINES_MAX}: it is asking to be two files")
    for number, line in enumerate(lines, 1):
        if LEFT_OVER.search(line):
            yield Violation(path, number, "left-over", "a note of unfinished work; do it, or open an issue")
        code = line.split("//", 1)[0]
        if pathlib.PurePath(path).suffix in CODE_SUFFIXES and ATOMIC_SHARED.search(code):
            yield Violation(path, number, "atomic-shared-ptr",
                            "an atomic shared_ptr trips ThreadSanitizer (libstdc++ 12); copy the pointer under a "
                            "short lock")


def check_link_layers(path: str, text: str) -> Iterator[Violation]:
    """What vibrato_layer() links obeys the levels too, so that a forbidden include fails to link."""
    for match in re.finditer(r"vibrato_layer\((\w+)([^)]*)\)", text):
        folder, rest = match.group(1), match.group(2)
        line = text.count("\n", 0, match.start()) + 1
        depends = re.search(r"\bDEPENDS((?:\s+[a-z0-9_]+)*)", rest)
        for other in depends.group(1).split() if depends else ():
            if LEVELS.get(other, 99) >= LEVELS.get(folder, -1):
                yield Violation(path, line, "layer-link",
                                f"layer {folder} links {other}, which is no lower layer; depend on lower layers only")


def check_name(path: str) -> Iterator[Violation]:
    name = pathlib.PurePath(path).name
    if pathlib.PurePath(path).suffix in CODE_SUFFIXES and not FILE_NAME.fullmatch(name):
        yield Violation(path, 1, "file-name", "file names are snake_case, named after their main type")


def check_top_level(root: pathlib.Path) -> Iterator[Violation]:
    for entry in sorted(root.iterdir()):
        if not entry.name.startswith(".") and entry.name not in TOP_LEVEL:
            yield Violation(entry.name, 1, "top-level",
                            f"nothing but {', '.join(sorted(TOP_LEVEL))} and dotfiles at the top; find it a folder")


def text_files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in (*CODE_FOLDERS, "docs", "scripts"):
        for path in sorted((root / folder).rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts)
            if path.is_file() and not hidden and path.suffix in TEXT_SUFFIXES:
                yield path
    yield from (path for path in (root / "CMakeLists.txt", root / "README.md") if path.exists())


def check_tree(root: pathlib.Path) -> list:
    violations = list(check_top_level(root))
    for file in text_files(root):
        path = file.relative_to(root).as_posix()
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        violations.extend(check_text(path, lines))
        if path == "src/CMakeLists.txt":
            violations.extend(check_link_layers(path, "\n".join(lines)))
        if file.suffix in CODE_SUFFIXES:
            includes = includes_of(lines)
            violations.extend(check_name(path))
            violations.extend(check_layers(path, includes))
            violations.extend(check_doors(path, includes))
            violations.extend(check_headers(path, lines, includes, root))
    return violations


def main(arguments: list) -> int:
    if len(arguments) != 2 or not (pathlib.Path(arguments[1]) / "src").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    violations = check_tree(pathlib.Path(arguments[1]))
    for violation in violations:
        print(violation)
    print(f"style: {len(violations)} violation(s)")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
