#!/usr/bin/env python3
"""Every relative link of the documents names a file or folder that exists.

  check_links.py <project folder>
"""
import pathlib
import re
import sys

from documents import documents, relative


def broken_links(path, root):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        if not (path.parent / target).exists():
            yield f"{relative(path, root)}: {target}"


def main():
    root = pathlib.Path(sys.argv[1])
    paths = documents(root)
    if not paths:
        sys.exit("no documents found")
    broken = [link for path in paths for link in broken_links(path, root)]
    print("\n".join(broken) or f"{len(paths)} documents, no broken link")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
