"""vibratod build, stats and verify: what they say about a file, and about a damaged one."""
import json
import pathlib
import random
import signal
import subprocess
import unittest

import cli

# A small pack: the fuzzer's.
PACK = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpora/fuzz_ids/pack"


class FilesTest(cli.CliTest):
    def made_file(self, name="a.vdb", count=400, dim=8, metric="l2"):
        made = random.Random(11)
        return self.make_vdb(name, [[made.gauss(0, 1) for _ in range(dim)] for _ in range(count)], metric)

    def stats(self, file):
        return json.loads(self.succeed("stats", "--file", file, "--json").stdout)

    def test_build_adds_a_graph_to_the_file(self):
        file = self.made_file()
        self.assertIsNone(self.stats(file)["graph"])
        done = self.succeed("build", "--data", file, "--m", 12, "--ef-construction", 60)
        self.assertIn("400 rows", done.stdout.decode())
        self.assertEqual(done.stderr, b"")
        stats = self.stats(file)
        self.assertEqual((stats["graph"]["m"], stats["graph"]["ef_construction"]), (12, 60))
        self.assertEqual(stats["rows"], 400)
        self.assertEqual([name for name in self.names() if name.startswith("a.vdb")], ["a.vdb", "a.vdb.jsonl"])
        self.succeed("verify", file)

    def test_build_takes_its_quantizer_from_the_flag(self):
        for kind in ("sq8", "sq4"):
            file = self.made_file(kind + ".vdb")
            self.succeed("build", file, "--quantization", kind)
            self.assertEqual(self.stats(file)["codes"]["kind"], kind)
        file = self.made_file("none.vdb")
        self.succeed("build", file, "--quantization", "none")
        self.assertIsNone(self.stats(file)["codes"])
        self.fail_with(2, "build", file, "--quantization", "pq")

    def test_building_with_one_thread_gives_the_same_file_every_time(self):
        contents = set()
        for name in ("a.vdb", "b.vdb"):
            file = self.made_file(name)
            self.succeed("build", file, "--threads", 1)
            contents.add(file.read_bytes())
        self.assertEqual(len(contents), 1)

    def test_progress_of_build_in_a_pipe_has_no_control_characters(self):
        done = self.succeed("build", self.made_file(), "--progress")
        self.assertRegex(done.stderr.decode(), r"\A[ -~\n]*building the graph done: 400 rows in [^\n]*\n\Z")

    def test_an_interrupted_build_leaves_no_unfinished_file(self):
        file = self.made_file(count=3000, dim=256)
        before = self.names()
        process = subprocess.Popen([cli.BINARY, "build", file, "--ef-construction", "4", "--m", "4"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.clean_environment())
        while process.poll() is None and self.names() == before:  # Until it writes.
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(self.names(), before)
        self.succeed("verify", file)

    def test_stats_prints_a_table(self):
        text = self.succeed("stats", self.made_file()).stdout.decode()
        for words in ("version:  3", "vectors:  400", "dim:      8", "metric:   l2", "graph:    none", "sections:"):
            self.assertIn(words, text)

    def test_verify_finds_nothing_in_a_good_file(self):
        file = self.made_file()
        self.assertIn("no damage", self.succeed("verify", file).stdout.decode())
        self.succeed("build", file)
        done = self.succeed("verify", file)
        self.assertIn("graph", done.stdout.decode())
        self.assertEqual(done.stderr, b"")

    def test_verify_finds_any_flipped_bit(self):
        file = self.made_file()
        self.succeed("build", file)
        good = file.read_bytes()
        made = random.Random(5)
        for _ in range(60):
            damaged = bytearray(good)
            offset = made.randrange(len(good))
            damaged[offset] ^= 1 << made.randrange(8)
            file.write_bytes(damaged)
            error = self.fail_with(1, "verify", file)
            self.assertIn(str(file), error, offset)
            self.assertRegex(error, r"offset \d+|\d+ bytes", offset)

    def test_a_pack_is_shown_and_verified_part_by_part(self):
        pack = self.write("pack.vdb", PACK.read_bytes())
        self.assertIn("pack of:  2 parts", self.succeed("stats", pack).stdout.decode())
        parts = self.stats(pack)["parts"]
        self.assertEqual([part["rows"] for part in parts], [3, 4])
        part = json.loads(self.succeed("stats", pack, "--part", "1", "--json").stdout)
        self.assertEqual((part["rows"], part["ids"]["first_lsn"]), (4, parts[1]["first_lsn"]))
        self.assertIn("part 2", self.fail_with(1, "stats", pack, "--part", "2"))
        self.assertIn("2 parts", self.succeed("verify", pack).stdout.decode())
        good = pack.read_bytes()
        made = random.Random(6)
        for _ in range(40):
            damaged = bytearray(good)
            offset = made.randrange(len(good))
            damaged[offset] ^= 1 << made.randrange(8)
            pack.write_bytes(damaged)
            self.assertIn(str(pack), self.fail_with(1, "verify", pack), offset)

    def test_a_cut_file_is_refused_by_every_command(self):
        file = self.made_file()
        self.succeed("build", file)
        good = file.read_bytes()
        for length in (0, 1, 127, 128, len(good) // 2, len(good) - 1):
            file.write_bytes(good[:length])
            for command in ("verify", "stats", "build"):
                self.assertIn(str(file), self.fail_with(1, command, file))
            self.assertEqual(file.read_bytes(), good[:length])

    def test_a_file_that_is_not_there_is_named(self):
        for command in ("verify", "stats", "build"):
            self.assertIn("absent.vdb", self.fail_with(1, command, self.folder / "absent.vdb"))


if __name__ == "__main__":
    cli.main()
