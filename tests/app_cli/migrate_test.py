"""vibratod migrate-v2 over files of the versions 1 and 2, whole and damaged."""
import struct

import cli
import live_server


def rows_of(count, dim, first=0.25):
    return [[first + row * dim + column for column in range(dim)] for row in range(count)]


def packed(rows):
    return b"".join(struct.pack("<%df" % len(row), *row) for row in rows)


def version_1(rows):
    return struct.pack("<8sII", b"VIBDB001", len(rows), len(rows[0])) + packed(rows)


def metadata(tracks):
    """Of (source_file, start_time_ms, duration_ms, bpm, tags)."""
    pool, entries = b"", b""
    for source, start, duration, bpm, tags in tracks:
        source, tags = source.encode(), tags.encode()
        entries += struct.pack("<IHIHfIHH", len(pool), len(source), start, duration, bpm, len(pool) + len(source),
                               len(tags), 0)
        pool += source + tags
    return struct.pack("<II", len(tracks), 8 + 24 * len(tracks)) + entries + pool


def version_2(rows, tracks=(), flags=None, **changed):
    meta = metadata(tracks) if tracks else b""
    end = 64 + 4 * len(rows) * len(rows[0])
    fields = {"magic": b"VIBDB002", "version": 2, "flags": (2 if tracks else 0) if flags is None else flags,
              "count": len(rows), "dim": len(rows[0]), "subspaces": 0, "vectors": 64, "codebook": 0,
              "metadata": end if tracks else 0, "graph": 0, "reserved": 0} | changed
    return struct.pack("<8sIIIIIQQQQI", *fields.values()) + packed(rows) + meta


class MigrateTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"

    def migrate(self, name, content, *flags):
        return ["migrate-v2", "--data-dir", self.data, "--input", self.write(name, content), "--collection", "songs",
                *flags]

    def serve(self):
        server = live_server.LiveServer(cli.BINARY, self.data, environment=cli.clean_environment())
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server.start()

    def points(self, server):
        """All of the collection, by the first number of their vectors."""
        connection = server.connect()
        info = connection.get("/v1/vector/songs").json
        found = connection.post("/v1/vector/songs/search", {"vector": [1] * info["dim"], "k": 1000}).json["hits"]
        self.assertEqual(len(found), info["live_count"])
        points = {}
        for hit in found:
            point = connection.get("/v1/vector/songs/get?id=%s" % hit["id"]).json
            points[point["vector"][0]] = point
        connection.close()
        return points

    def check(self, rows, tracks=None):
        server = self.serve()
        points = self.points(server)
        self.assertEqual(sorted(points), sorted(row[0] for row in rows))
        for number, row in enumerate(rows):
            point = points[row[0]]
            self.assertEqual(point["vector"], row)
            if tracks:
                source, start, duration, bpm, tags = tracks[number]
                self.assertEqual(point["meta"], {"source_file": source, "start_time_ms": start, "duration_ms": duration,
                                                 "bpm": bpm, "tags": tags.split(",") if tags else []})
        self.assertEqual(server.stop(), 0)

    def test_version_1(self):
        rows = rows_of(250, 8)
        done = self.succeed(*self.migrate("old.vdb", version_1(rows)))
        self.assertRegex(done.stdout.decode(), r"\Amigrated_segment=\S+\nrows=250\ncollection=songs\n\Z")
        self.check(rows)

    def test_version_2_with_its_metadata(self):
        rows = rows_of(40, 5)
        tracks = [("song %d.wav" % row, 100 * row, row, 90.5 + row, "a,b%d" % row if row % 2 else "")
                  for row in range(40)]
        self.succeed(*self.migrate("old.vdb", version_2(rows, tracks)))
        self.check(rows, tracks)

    def test_a_second_file_is_added_to_the_first(self):
        first, second = rows_of(30, 4), rows_of(20, 4, first=1000.25)
        self.succeed(*self.migrate("a.vdb", version_1(first)))
        self.succeed(*self.migrate("b.vdb", version_2(second), "--level", "0"))
        self.check(first + second)

    def test_files_that_are_damaged_are_refused_by_name_and_change_nothing(self):
        rows = rows_of(30, 4)
        self.succeed(*self.migrate("whole.vdb", version_1(rows)))
        one, two = version_1(rows), version_2(rows, [("s", 1, 2, 3.5, "t")] * 30)
        huge = 0xffffffff
        bad = {
            "cut inside a row": one[:-3], "cut inside the header": one[:12], "empty": b"", "longer than its rows": one + b"x",
            "another magic": b"VIBDB009" + one[8:], "no dim": one[:12] + struct.pack("<I", 0) + one[16:],
            "more rows than bytes": one[:8] + struct.pack("<I", huge) + one[12:],
            "another version": version_2(rows, version=3), "product codes": version_2(rows, flags=1, subspaces=2),
            "rows beyond the end": version_2(rows, count=31), "rows at an odd place": version_2(rows, vectors=65),
            "rows far away": version_2(rows, vectors=1 << 62), "sizes that overflow": version_2(rows, count=huge, dim=huge),
            "metadata far away": version_2(rows, flags=2, metadata=1 << 60), "metadata cut": two[:-200],
            "graph in front of the metadata": version_2(rows, [("s", 1, 2, 3.5, "t")] * 30, flags=6, graph=64),
        }
        for what, content in bad.items():
            message = self.fail_with(1, *self.migrate("bad.vdb", content))
            self.assertIn("bad.vdb", message, what)
        self.check(rows)

    def test_a_row_that_is_no_vector_is_named_and_none_before_it_is_added(self):
        rows = rows_of(1500, 4)
        rows[1400][2] = float("nan")
        message = self.fail_with(1, *self.migrate("bad.vdb", version_1(rows)))
        self.assertIn("row 1400", message)
        rows[1400][2] = 1.0
        whole = rows_of(3, 4)
        self.succeed(*self.migrate("whole.vdb", version_1(whole)))
        self.check(whole)


if __name__ == "__main__":
    cli.main()
