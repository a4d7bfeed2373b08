"""What the tests of the command line share: running the binary, made input, a folder that is removed afterwards."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

BINARY = None


def clean_environment(**variables):
    """The environment without the program's own variables, and with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIBRATO_")}
    return kept | variables


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vibrato_cli_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_cli(self, *arguments, stdin=b"", **variables):
        return subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True, timeout=120,
                              env=clean_environment(**variables))

    def succeed(self, *arguments, **options):
        done = self.run_cli(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done

    def fail_with(self, code, *arguments, **options):
        """Runs what must exit with `code` and print nothing to stdout; returns stderr."""
        done = self.run_cli(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr.decode())
        return done.stderr.decode()

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_jsonl(self, name, rows):
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def make_vdb(self, name, rows, metric="dot"):
        """A file of `rows`: vectors, or objects with vector and meta."""
        path = self.folder / name
        self.succeed("ingest", "--input", self.write_jsonl(name + ".jsonl", rows), "--output", path, "--metric", metric)
        return path

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())


def npy(rows):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n" % (len(rows), len(rows[0]))
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
            + b"".join(struct.pack("<%df" % len(row), *row) for row in rows))


def main():
    global BINARY
    BINARY = sys.argv.pop(1)
    unittest.main(module="__main__", argv=sys.argv)
