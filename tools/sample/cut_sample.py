#!/usr/bin/env python3
"""Cuts the shipped sample out of the whole set of Debian package vectors.

  tools/sample/cut_sample.py <folder with base.npy and meta.jsonl.gz> [--rows 3000] [--output tools/sample]

Keeps all rows of a few sections, the rows nearest to well-known packages, and then, up to --rows, the first rows of
the set. Needs nothing but Python's standard library; takes a minute or two. The same input gives the same files.
"""
import argparse
import gzip
import json
import operator
import pathlib
import struct
import sys

SECTIONS = {"database", "editors", "httpd", "shells", "vcs", "video"}
KNOWN = (
    "apache2 audacity bash blender clang cmake curl docker.io emacs ffmpeg firefox-esr gcc gdb gimp git gnuplot golang "
    "haproxy imagemagick inkscape libavcodec59 libavformat59 libreoffice mariadb-server nginx nodejs octave openssl "
    "pandoc perl php postgresql postgresql-15 python3 python3-numpy python3-scipy r-base redis-server ruby rustc "
    "samba sqlite3 sudo tar texlive thunderbird tmux valgrind vim vlc wget wireshark zsh"
).split()
NEIGHBOURS = 30  # Rows kept around each well-known package.
QUERIES = ("ffmpeg", "postgresql", "nginx", "git")  # Packages that a ready request body is written for.
QUERY_HITS = 5


def read_npy(path):
    """The rows of a little-endian float16 .npy file as (dim, [bytes])."""
    data = path.read_bytes()
    if data[:6] != b"\x93NUMPY" or data[6] != 1:
        sys.exit(f"{path}: is no version 1 .npy file")
    (header_bytes,) = struct.unpack_from("<H", data, 8)
    header = data[10 : 10 + header_bytes].decode("latin-1")
    if "'<f2'" not in header or "'fortran_order': False" not in header:
        sys.exit(f"{path}: holds no float16 rows in C order")
    rows, dim = (int(part) for part in header.split("'shape': (")[1].split(")")[0].split(",")[:2])
    start = 10 + header_bytes
    return dim, [data[start + i * dim * 2 : start + (i + 1) * dim * 2] for i in range(rows)]


def write_npy(path, dim, rows):
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({len(rows)}, {dim}), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"".join(rows))


def decoded(row, dim):
    return struct.unpack(f"<{dim}e", row)


def nearest(vectors, query, count):
    scored = [(sum(map(operator.mul, query, vector)), -row) for row, vector in enumerate(vectors)]
    return [-row for _, row in sorted(scored, reverse=True)[:count]]


def choose(rows, dim, metas, wanted):
    vectors = [decoded(row, dim) for row in rows]
    row_of = {meta["name"]: row for row, meta in enumerate(metas)}
    chosen = {row for row, meta in enumerate(metas) if meta["section"] in SECTIONS}
    for name in KNOWN:
        if name in row_of:
            chosen.update(nearest(vectors, vectors[row_of[name]], NEIGHBOURS))
    for row in range(len(rows)):
        if len(chosen) >= wanted:
            break
        chosen.add(row)
    return sorted(chosen), row_of


def write_sample(output, rows, dim, metas, chosen, row_of):
    write_npy(output / "packages.npy", dim, [rows[row] for row in chosen])
    with open(output / "packages-meta.jsonl", "w", encoding="utf-8") as out:
        for row in chosen:
            out.write(json.dumps(metas[row], ensure_ascii=False, separators=(",", ":")) + "\n")
    for name in QUERIES:
        vector = [round(value, 6) for value in decoded(rows[row_of[name]], dim)]
        body = json.dumps({"k": QUERY_HITS, "include_meta": True, "vector": vector}, separators=(",", ":"))
        (output / f"query-{name}.json").write_text(body + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Cuts the shipped sample out of the whole set of package vectors.")
    parser.add_argument("folder", type=pathlib.Path, help="has base.npy and meta.jsonl.gz")
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments = parser.parse_args()
    dim, rows = read_npy(arguments.folder / "base.npy")
    with gzip.open(arguments.folder / "meta.jsonl.gz", "rt", encoding="utf-8") as lines:
        metas = [json.loads(line) for line in lines]
    if len(metas) != len(rows):
        sys.exit(f"{len(rows)} rows, but {len(metas)} lines of meta")
    chosen, row_of = choose(rows, dim, metas, arguments.rows)
    write_sample(arguments.output, rows, dim, metas, chosen, row_of)
    print(f"{len(chosen)} rows of {dim} dims")


if __name__ == "__main__":
    main()
