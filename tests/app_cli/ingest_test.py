"""vibratod ingest: what it prints, what it refuses, what it leaves behind."""
import json
import os
import signal
import struct
import subprocess
import time
import unittest

import cli


class IngestTest(cli.CliTest):
    def stats(self, file):
        return json.loads(self.succeed("stats", "--file", file, "--json").stdout)

    def test_each_format_gives_the_same_rows(self):
        rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        inputs = [
            self.write("a.json", json.dumps(rows)),
            self.write_jsonl("a.jsonl", rows),
            self.write("a.npy", cli.npy(rows)),
            self.write("a.fvecs", b"".join(struct.pack("<i3f", 3, *row) for row in rows)),
            self.write("a.bvecs", b"".join(struct.pack("<i3B", 3, *map(int, row)) for row in rows)),
        ]
        contents = set()
        for path in inputs:
            output = self.folder / "out.vdb"
            done = self.succeed("ingest", "--input", path, "--output", output, "--metric", "l2")
            self.assertEqual(done.stdout.decode(), f"{output}: 2 rows, dim 3, metric l2\n")
            self.assertEqual(done.stderr, b"")
            contents.add(output.read_bytes())
        self.assertEqual(len(contents), 1)

    def test_the_format_can_be_forced(self):
        path = self.write("rows.txt", '{"vector": [1, 2]}\n{"vector": [3, 4]}\n')
        self.succeed("ingest", "-i", path, "-o", self.folder / "a.vdb", "--format", "jsonl")
        error = self.fail_with(1, "ingest", "-i", path, "-o", self.folder / "b.vdb", "--format", "json")
        self.assertIn("--format jsonl", error)

    def test_progress_in_a_pipe_has_no_control_characters(self):
        path = self.write("a.npy", cli.npy([[1.0]] * 1000))
        done = self.succeed("ingest", "-i", path, "-o", self.folder / "a.vdb", "--progress")
        self.assertRegex(done.stderr.decode(), r"\Aingest done: 1,000 rows in [0-9.]+ s, [0-9,]+/s\n\Z")

    def test_errors_name_the_row_and_leave_nothing_behind(self):
        cases = {
            "dim.jsonl": ("[1,2]\n[3]\n", "row 1 (line 2)"),
            "json.jsonl": ("[1,2]\n[3,4]\n[5,\n", "row 2 (line 3)"),
            "word.json": ('[[1,2],["a",4]]', "row 1 "),
            "inf.npy": (cli.npy([[1.0, 2.0], [float("inf"), 2.0]]), "row 1: element 0"),
            "zero.npy": (cli.npy([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]), "row 2: the vector is all zeros"),
            "short.npy": (cli.npy([[1.0, 2.0], [3.0, 4.0]])[:-1], "too short"),
            "short.fvecs": (struct.pack("<i2f", 2, 1, 2)[:-1], "whole number of rows"),
            "empty.jsonl": ("", "no rows"),
        }
        for name, (content, message) in cases.items():
            path = self.write(name, content)
            before = self.names()
            error = self.fail_with(1, "ingest", "-i", path, "-o", self.folder / "out.vdb", "--metric", "cosine")
            self.assertIn(f"{path}: ", error)
            self.assertIn(message, error)
            self.assertEqual(self.names(), before)

    def test_an_error_leaves_the_old_output_as_it_was(self):
        output = self.make_vdb("out.vdb", [[1, 2]])
        content = output.read_bytes()
        self.fail_with(1, "ingest", "-i", self.write("bad.jsonl", "[1,2]\n[3]\n"), "-o", output)
        self.assertEqual(output.read_bytes(), content)

    def test_a_file_of_another_kind_is_not_replaced(self):
        output = self.write("notes.txt", "my only copy")
        rows = self.write_jsonl("a.jsonl", [[1]])
        self.assertIn("not a .vdb file", self.fail_with(1, "ingest", "-i", rows, "-o", output))
        self.assertEqual(output.read_text(), "my only copy")

    def test_a_folder_that_is_not_there_is_named(self):
        path = self.write_jsonl("a.jsonl", [[1]])
        self.assertIn("absent", self.fail_with(1, "ingest", "-i", path, "-o", self.folder / "absent" / "a.vdb"))
        absent = self.folder / "absent.npy"
        self.assertIn("absent.npy", self.fail_with(1, "ingest", "-i", absent, "-o", self.folder / "a.vdb"))

    def test_input_through_a_link_is_read(self):
        os.symlink(self.write_jsonl("a.jsonl", [[1, 2]]), self.folder / "link.jsonl")
        self.succeed("ingest", "-i", self.folder / "link.jsonl", "-o", self.folder / "a.vdb")
        self.assertEqual(self.stats(self.folder / "a.vdb")["rows"], 1)

    def test_an_interrupt_leaves_nothing_behind(self):
        path = self.write("big.jsonl", "[0.25,0.5]\n" * 3_000_000)
        process = subprocess.Popen([cli.BINARY, "ingest", "-i", path, "-o", self.folder / "a.vdb"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.clean_environment())
        while process.poll() is None and len(self.names()) < 2:  # The unfinished file has appeared.
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (1, b""), err)
        self.assertIn(b"stopped after", err)
        self.assertEqual(self.names(), ["big.jsonl"])

    def test_ids_are_ignored_with_a_note(self):
        path = self.write_jsonl("a.jsonl", [{"id": "x", "vector": [1]}])
        done = self.succeed("ingest", "-i", path, "-o", self.folder / "a.vdb")
        self.assertIn(b"ids in the input are ignored", done.stderr)

    def test_meta_comes_with_the_rows_or_beside_them(self):
        self.assertTrue(self.stats(self.make_vdb("a.vdb", [{"vector": [1], "meta": {"a": 1}}]))["has_meta"])
        self.assertFalse(self.stats(self.make_vdb("b.vdb", [[1]]))["has_meta"])
        meta = self.write_jsonl("meta.jsonl", [{"a": 1}, {"a": 2}])
        rows = self.write("c.npy", cli.npy([[1.0], [2.0]]))
        self.succeed("ingest", "-i", rows, "--meta", meta, "-o", self.folder / "c.vdb")
        self.assertTrue(self.stats(self.folder / "c.vdb")["has_meta"])


if __name__ == "__main__":
    cli.main()
