"""Help, version, wrong usage, and where options come from."""
import subprocess
import unittest

import cli


class UsageTest(cli.CliTest):
    def test_numbers_out_of_range_name_the_range_that_is_taken(self):
        for words in (["wal-dump", "--limit", 0], ["wal-dump", "--from-lsn", 0], ["replay-to-lsn", "--target-lsn", 0]):
            self.assertIn("Value 0 not in range 1 to 18446744073709551615",
                          self.fail_with(2, *words, "--data-dir", self.folder / "none"))

    def test_help_groups_the_commands(self):
        text = self.succeed("--help").stdout.decode()
        for words in ("Servers:", "Vector files:", "Using a running server:", "serve ", "ingest ", "Exit codes: 0 done"):
            self.assertIn(words, text)

    def test_every_command_that_is_built_has_examples_in_its_help(self):
        overview = self.succeed("--help").stdout.decode()
        lines = [line for line in overview.splitlines() if line.startswith("  ") and "not built yet" not in line]
        commands = [line.split()[0] for line in lines]
        self.assertIn("ingest", commands)
        for command in commands:
            done = self.succeed(command, "--help")
            self.assertIn(b"Examples:\n  vibratod " + command.encode(), done.stdout)
            self.assertIn(b"VIBRATO_", done.stdout)
            self.assertEqual(done.stderr, b"")

    def test_version_is_one_line(self):
        self.assertRegex(self.succeed("--version").stdout.decode(), r"\Avibratod \d+\.\d+\.\d+\n\Z")

    def test_wrong_usage_exits_2_with_a_message_on_stderr(self):
        for arguments in ([], ["nonsense"], ["ingest"], ["ingest", "--nonsense"], ["stats"], ["serve"],
                          ["serve", "--data", "x", "--port", "65536"], ["serve", "--data", "x", "--m", "1"],
                          ["serve", "--data", "x", "--max-ram-buffer-vectors", "10000001"], ["search", "--query", ""],
                          ["ingest", "-i", "a", "-o", "b", "--metric", "manhattan"], ["search", "--query", "1,x"],
                          ["search", "--query", "1", "--server", "localhost"],
                          ["search", "--query", "1", "--collection", "a/b"], ["ingest", "-i", "a"],
                          ["ingest", "-i", "a", "-o", "b", "--server", "http://h", "--collection", "c"],
                          ["ingest", "-i", "a", "--server", "http://h"],
                          ["ingest", "-i", "a", "-o", "b", "--collection", "c"]):
            self.assertNotEqual(self.fail_with(2, *arguments), "", arguments)

    def test_what_is_not_built_yet_exits_2_and_says_so(self):
        for arguments in (["diskann", "status"], ["bench"], ["setup-models"],
                          ["serve", "--data", "x", "--index", "y"]):
            self.assertIn("not built yet", self.fail_with(2, *arguments))

    def test_flags_win_over_environment_over_file(self):
        rows = self.write_jsonl("rows.jsonl", [[1, 2]])
        config = self.write("config.toml", "[ingest]\nmetric = \"cosine\"\n")
        ingest = ["ingest", "--input", rows, "--output", self.folder / "out.vdb"]
        self.assertIn(b"metric dot", self.succeed(*ingest).stdout)
        self.assertIn(b"metric cosine", self.succeed(*ingest, "--config", config).stdout)
        self.assertIn(b"metric cosine", self.succeed(*ingest, VIBRATO_CONFIG=str(config)).stdout)
        self.assertIn(b"metric l2", self.succeed(*ingest, "--config", config, VIBRATO_METRIC="l2").stdout)
        done = self.succeed(*ingest, "--config", config, "--metric", "dot", VIBRATO_METRIC="l2")
        self.assertIn(b"metric dot", done.stdout)

    def test_required_flags_may_come_from_the_environment(self):
        rows = self.write_jsonl("rows.jsonl", [[1, 2]])
        self.succeed("ingest", VIBRATO_INPUT=str(rows), VIBRATO_OUTPUT=str(self.folder / "out.vdb"))
        self.assertIn("out.vdb", self.names())

    def test_a_mistyped_name_in_the_file_is_wrong_usage(self):
        config = self.write("config.toml", "metrik = \"l2\"\n")
        self.assertIn("metrik", self.fail_with(2, "ingest", "-i", "a", "-o", "b", "--config", config))

    def test_a_result_that_cannot_be_written_is_a_failure(self):
        file = self.make_vdb("a.vdb", [[1, 2]])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([cli.BINARY, "stats", file], stdout=full, stderr=subprocess.PIPE, timeout=120,
                                  env=cli.clean_environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"could not write to stdout", done.stderr)


if __name__ == "__main__":
    cli.main()
