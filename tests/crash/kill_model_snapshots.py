#!/usr/bin/env python3
"""Snapshots of all models at one LSN, taken under writers and under kill -9, restored, replayed, and restored again.

  tests/crash/kill_model_snapshots.py build/release/src/app/vibratod --cycles 8 [--seed N]

The events of the live server say what every model held at each LSN. In turn a snapshot is taken while writers write; the
server is killed while it takes one; a restore into another folder is killed and then done. What is restored must hold in
each model exactly what the events up to the snapshot's LSN make, give these events in the same bytes, and go on from
there; then it is killed itself, and taken back to that LSN.
"""
import pathlib
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from event_stream import EventStream  # noqa: E402
from kill_models import FLAGS, World  # noqa: E402
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402
from model_contents import Contents, check_server, expect  # noqa: E402
from model_writers import LOST, VECTORS, make_schema  # noqa: E402


class Snapshots(World):
    def __init__(self, binary: str, root: pathlib.Path, server: LiveServer, seed: int) -> None:
        super().__init__(server, seed)
        self.binary, self.root = binary, root
        self.names = 0
        self.counts = {"restored": 0, "killed in a snapshot": 0, "killed in a restore": 0, "taken back": 0}
        self.seconds = 0.05   # That a restore takes.

    def under_writers(self, action) -> None:
        """While all writers write; they stop, or the action kills the server."""
        stopping = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(self.server, stopping.is_set)) for writer in self.writers]
        for thread in threads:
            thread.start()
        try:
            time.sleep(self.rng.uniform(0.05, 0.4))
            action()
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        faults = [writer.fault for writer in self.writers if writer.fault]
        if faults:
            raise AssertionError(faults[0])

    def take(self, name: str) -> None:
        connection = self.server.connect()
        try:
            expect(connection.post("/v1/admin/snapshot", {"name": name}))
        finally:
            connection.close()

    def listed(self) -> dict:
        connection = self.server.connect()
        snapshots = expect(connection.get("/v1/admin/snapshots")).json["snapshots"]
        connection.close()
        return {snapshot["name"]: snapshot["lsn"] for snapshot in snapshots}

    def snapshot(self, is_killed: bool) -> None:
        """Takes one under writers, looks at the live server, and then at what it restores."""
        self.names += 1
        name = "s%d" % self.names

        def taken() -> None:
            try:
                self.take(name)
            except LOST:
                pass

        def action() -> None:
            taking = threading.Thread(target=taken)
            taking.start()
            if is_killed:
                time.sleep(self.rng.uniform(0, 0.15))
                self.server.kill()
            taking.join()

        self.under_writers(action)
        if is_killed:
            self.counts["killed in a snapshot"] += 1
            self.server.start()
        self.catch_up([])
        listed = self.listed()
        assert is_killed or name in listed, "%s was made and is not listed" % name
        if name not in listed:
            assert not (self.server.folder / "snapshots" / name).exists(), "complete, and not listed"
            return
        self.check_restored(name, listed[name])
        shutil.rmtree(self.server.folder / "snapshots" / name)

    def restore(self, name: str, may_be_killed: bool) -> bool:
        """Whether it was killed."""
        process = subprocess.Popen([self.binary, "snapshot-restore", "--data-dir", str(self.root / "other"),
                                    "--snapshot-dir", str(self.server.folder / "snapshots" / name)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        began = time.monotonic()
        try:
            _, errors = process.communicate(timeout=self.rng.uniform(0, self.seconds) if may_be_killed else 120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.counts["killed in a restore"] += 1
            return True
        self.seconds = time.monotonic() - began
        assert process.returncode == 0, errors.decode()
        return False

    def check_restored(self, name: str, lsn: int) -> None:
        wanted = self.log.contents_at(lsn)
        self.restore(name, False)
        other = LiveServer(self.binary, self.root / "other", *FLAGS, "--no-auth")
        self.check_other(other, wanted, lsn)
        for _ in range(3):
            self.restore(name, True)
        self.restore(name, False)
        self.counts["restored"] += 2
        self.check_other(other, wanted, lsn)
        self.take_back(other, lsn, wanted)
        shutil.rmtree(self.root / "other")

    def check_other(self, other: LiveServer, wanted: Contents, lsn: int) -> None:
        """It holds and says what it must, takes writes, and is killed behind them."""
        other.start()
        try:
            self.check(other, wanted, "restored at LSN %d" % lsn)
            connection = other.connect()
            mark = expect(connection.post("/v1/events", {"type": "kill.mark", "data": {}})).json["lsn"]
            assert mark > lsn, (mark, lsn)
            with EventStream(other.port, None, since=0) as stream:
                frames = stream.read_to(mark)
            for frame in frames:
                if frame.id is not None and frame.id <= lsn:
                    assert frame.raw == self.log.raw[frame.id], (frame, self.log.raw.get(frame.id))
            kept = [frame.id for frame in frames if frame.id is not None and frame.id <= lsn]
            assert kept == [frame.id for frame in self.log.frames if kept and kept[0] <= frame.id <= lsn]
            for number in range(20):
                expect(connection.ask("PUT", "/v1/state/after", {"value": number}))
            connection.close()
            other.kill()
            other.start()
            found = expect(other.connect().get("/v1/state/after")).json
            assert found["value"] == 19, found
        finally:
            other.kill()

    def take_back(self, other: LiveServer, lsn: int, wanted: Contents) -> None:
        """To the LSN of the snapshot, which its log reaches if it was not cut off since."""
        done = subprocess.run([self.binary, "replay-to-lsn", "--data-dir", str(other.folder), "--target-lsn", str(lsn)],
                              capture_output=True)
        if done.returncode != 0:
            assert b"reach" in done.stderr or b"range" in done.stderr, done.stderr.decode()
            return
        self.counts["taken back"] += 1
        other.start()
        try:
            self.check(other, wanted, "taken back to LSN %d" % lsn)
        finally:
            other.kill()

    def check(self, server: LiveServer, wanted: Contents, what: str) -> None:
        check_server(server, wanted, what, [writer.collection for writer in self.writers], [VECTORS])


def main() -> None:
    arguments = parse_arguments(__doc__, "cycles", 8)
    with run_in_folder("vibrato_model_snapshots_",
                       lambda root: LiveServer(arguments.binary, root / "data", *FLAGS)) as (root, server):
        server.start()
        world = Snapshots(arguments.binary, root, server, arguments.seed)
        make_schema(server, world.writers)
        for _ in range(arguments.cycles):
            world.snapshot(is_killed=False)
            world.snapshot(is_killed=True)
        assert server.stop() == 0, "SIGTERM did not end the server with 0"
    print("%d cycles, %s, %d events: all models at one LSN, none half" %
          (arguments.cycles, ", ".join("%s %d" % (word, count) for word, count in world.counts.items()),
           len(world.log.frames)))


if __name__ == "__main__":
    main()
