#!/usr/bin/env python3
"""Runs the shell blocks of the documents, and compares what they print with what the documents say they print.

  run_blocks.py <project folder> <vibratod>

A block ```sh is run by bash and must succeed; ```sh by-hand is not run. A block ```text output right behind it is its
output, where `...` stands for anything within a line and a line of `...` for any lines. The blocks of one document
run in order in one empty folder that has the project's `tools`; `vibratod` is on the PATH. Where a document speaks to
127.0.0.1:8080 it reaches a database of its own in the folder `data`, with the shipped sample as the collection
`packages` and a key with all roles in $KEY; at 127.0.0.1:8081 it reaches a `serve` over the sample as a file.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from documents import blocks, documents, relative

BLOCK_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `vibratod` on a free port."""

    health = "/health"

    def __init__(self, vibratod, *words):
        self.address = f"127.0.0.1:{free_port()}"
        port = self.address.split(":")[1]
        self.process = subprocess.Popen([vibratod, *map(str, words), "--port", port], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def wait(self):
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://{self.address}{self.health}", timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        sys.exit("the server over the sample does not answer")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        if code != 0:
            sys.exit(f"the server over the sample ended with {code}")


class FileServer(Server):
    """`serve` over the shipped sample."""

    documented = "127.0.0.1:8081"
    variables = {}

    def __init__(self, root, vibratod, folder):
        sample, data = root / "tools" / "sample", folder / "packages.vdb"
        ingest = ["ingest", "--input", sample / "packages.npy", "--meta", sample / "packages-meta.jsonl",
                  "--metric", "cosine", "--output", data]
        for words in (ingest, ["build", data]):
            subprocess.run([vibratod, *map(str, words)], check=True, capture_output=True)
        super().__init__(vibratod, "serve", "--data", data)
        self.wait()


class DatabaseServer(Server):
    """`serve-v2` with the shipped sample in a collection."""

    documented = "127.0.0.1:8080"
    health = "/v1/health/ready"

    def __init__(self, root, vibratod, folder):
        sample = root / "tools" / "sample"
        made = subprocess.run([vibratod, "key-create", "--data-dir", folder / "data", "--name", "docs"], check=True,
                              capture_output=True, text=True)
        self.variables = {"KEY": made.stdout.split("token=")[1].strip()}
        super().__init__(vibratod, "serve-v2", "--data-dir", folder / "data", "--sql")
        self.wait()
        subprocess.run([vibratod, "ingest", "--server", f"http://{self.address}", "--key", self.variables["KEY"],
                        "--collection", "packages", "--create", "--metric", "cosine", "--input",
                        sample / "packages.npy", "--meta", sample / "packages-meta.jsonl"], check=True,
                       capture_output=True)


def matches(expected, printed):
    """Line by line; `...` within a line is anything, a line of `...` is any number of lines."""
    pattern = ""
    for line in expected.rstrip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.rstrip() + "\n") is not None


def run_document(path, root, vibratod, folder):
    """Returns how many blocks ran."""
    (folder / "tools").symlink_to(root / "tools")
    environment = dict(os.environ, PATH=f"{vibratod.parent}:{os.environ['PATH']}")
    all_blocks = blocks(path)
    servers, count = [], 0
    try:
        for block, following in zip(all_blocks, [*all_blocks[1:], None]):
            if block.info != "sh":
                continue
            for kind in (FileServer, DatabaseServer):
                if kind.documented in block.text and not any(isinstance(server, kind) for server in servers):
                    servers.append(kind(root, str(vibratod), folder))
            script = block.text
            for server in servers:
                script = script.replace(server.documented, server.address)
                environment.update(server.variables)
            where = f"{relative(path, root)}:{block.line}"
            ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=BLOCK_SECONDS)
            if ran.returncode != 0:
                sys.exit(f"{where}: failed with {ran.returncode}\n{ran.stdout}{ran.stderr}")
            if following and following.info == "text output":
                printed = ran.stdout
                for server in servers:
                    printed = printed.replace(server.address, server.documented)
                if not matches(following.text, printed):
                    sys.exit(f"{where}: does not print what line {following.line} says, but\n{printed}")
            print(f"{where}: ok")
            count += 1
    finally:
        for server in servers:
            server.stop()
    return count


def main():
    root, vibratod = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    count = 0
    for path in documents(root):
        folder = pathlib.Path(tempfile.mkdtemp())
        try:
            count += run_document(path, root, vibratod, folder)
        finally:
            shutil.rmtree(folder)
    if count == 0:
        sys.exit("no block was run")
    print(f"{count} blocks")


if __name__ == "__main__":
    main()
