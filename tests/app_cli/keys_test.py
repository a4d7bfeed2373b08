"""key-create, key-list, key-revoke on a data folder that no server holds."""
import json
import os
import re
import stat

import cli

TOKEN = re.compile(r"id=(vbk_[0-9a-f]{32})\ntoken=(vbk_[0-9a-f]{32})\.([A-Za-z0-9_-]{43})\n")


class KeysTest(cli.CliTest):
    def create(self, *arguments, **options):
        done = self.succeed("key-create", "--data-dir", self.folder / "db", *arguments, **options)
        match = TOKEN.fullmatch(done.stdout.decode())
        self.assertIsNotNone(match, done.stdout)
        self.assertEqual(match[1], match[2])
        return match[1], f"{match[2]}.{match[3]}"

    def listed(self):
        done = self.succeed("key-list", "--data-dir", self.folder / "db", "--json")
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def test_a_key_is_made_listed_and_revoked(self):
        key_id, _ = self.create("--name", "reader", "--roles", "query", "--collections", "docs,images",
                                "--expires-at", "2999-01-31")
        other, _ = self.create("--name", "all")
        self.assertNotEqual(key_id, other)
        keys = {key["id"]: key for key in self.listed()}
        self.assertEqual((keys[key_id]["name"], keys[key_id]["roles"], keys[key_id]["collections"]),
                         ("reader", ["query"], ["docs", "images"]))
        self.assertEqual(keys[key_id]["expires_at_ms"], 32474736000000)
        self.assertEqual((keys[other]["roles"], keys[other]["collections"], keys[other]["revoked_at_ms"]),
                         (["query", "ingest", "admin"], None, None))
        done = self.succeed("key-revoke", "--data-dir", self.folder / "db", "--key-id", key_id)
        self.assertEqual(done.stdout.decode(), f"revoked={key_id}\n")
        lines = self.succeed("key-list", "--data-dir", self.folder / "db").stdout.decode().splitlines()
        self.assertIn(f"id={key_id} name=reader roles=query collections=docs,images expires=2999-01-31T00:00:00Z "
                      "state=revoked", lines)
        self.assertIn(f"id={other} name=all roles=query,ingest,admin collections=* expires=never state=active", lines)

    def test_secrets_are_kept_nowhere(self):
        _, token = self.create("--name", "n")
        secret = token.split(".")[1].encode()
        for path in (self.folder / "db").rglob("*"):
            if path.is_file():
                self.assertNotIn(secret, path.read_bytes(), path)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "db" / "pepper").st_mode), 0o600)

    def test_a_pepper_of_the_environment_leaves_no_file(self):
        self.create("--name", "n", VIBRATO_API_PEPPER="0123456789abcdef0123456789abcdef")
        self.assertFalse((self.folder / "db" / "pepper").exists())
        self.assertIn("pepper", self.fail_with(1, "key-create", "--data-dir", self.folder / "db", "--name", "n",
                                               VIBRATO_API_PEPPER="short").lower())

    def test_what_is_wrong_is_said_before_anything_is_made(self):
        folder = self.folder / "db"
        for arguments, word in ((["--roles", "root"], "root"), (["--roles", ""], "role"),
                                (["--expires-at", "tomorrow"], "tomorrow"), (["--collections", "a/b"], "collections"),
                                (["--server", "ftp://x"], "")):
            self.assertIn(word, self.fail_with(2, "key-create", "--data-dir", folder, "--name", "n", *arguments))
        for moment in ("2020-01-31", "1970-01-01T00:00:01Z"):
            self.assertIn("--expires-at", self.fail_with(2, "key-create", "--data-dir", folder, "--name", "n",
                                                         "--expires-at", moment))
        for name in ("a b", "../x", "x" * 65, "\u00e9"):
            self.assertIn("--name", self.fail_with(2, "key-create", "--data-dir", folder, "--name", name))
        self.fail_with(2, "key-create", "--data-dir", folder)
        self.fail_with(2, "key-revoke", "--data-dir", folder, "--key-id", "vbk_1/../../x")
        self.assertFalse(folder.exists())

    def test_a_new_database_is_told(self):
        made = self.succeed("key-create", "--data-dir", self.folder / "db", "--name", "one")
        self.assertIn("made a new database in", made.stderr.decode())
        self.assertEqual(self.succeed("key-create", "--data-dir", self.folder / "db", "--name", "two").stderr, b"")

    def test_keys_that_are_not_there_are_1(self):
        nobody = "vbk_" + 32 * "0"
        self.assertIn("no database", self.fail_with(1, "key-list", "--data-dir", self.folder / "nowhere"))
        self.assertIn("no database", self.fail_with(1, "key-revoke", "--data-dir", self.folder, "--key-id", nobody))
        self.create("--name", "n")
        self.fail_with(1, "key-revoke", "--data-dir", self.folder / "db", "--key-id", nobody)

    def test_a_server_that_is_not_there_is_1(self):
        self.assertIn("cannot connect", self.fail_with(1, "key-list", "--server", "http://127.0.0.1:1", "--key", "k"))


if __name__ == "__main__":
    cli.main()
