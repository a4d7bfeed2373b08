#!/usr/bin/env python3
"""kill -9 of the real server under writers of state, documents, SQL, events and batches, again and again on one folder.

  tests/crash/kill_models.py build/release/src/app/vibratod --cycles 20 [--seed N]

One subscriber follows the events of each life of the server. After a restart the stream must go on where it was, and give
what the subscriber had seen again in the same bytes, none missing, none twice; every acknowledged write must be in it
once, batches whole or not at all; and each model must hold exactly what the events say. The log is kept small, so that
files are saved and the log is cut off while all of this goes on.
"""
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from event_stream import EventStream, Follower  # noqa: E402
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402
from model_contents import check_server, expect  # noqa: E402
from model_writers import KINDS, LOST, VECTORS, EventLog, ModelWriter, make_schema  # noqa: E402

# One for each model alone, and some for all of them.
WRITERS = [(kind,) for kind in KINDS] + [KINDS] * 3
# What is kept of the log is more than the subscriber, which shares a processor with the writers, ever lags behind.
FLAGS = ("--sql", "--wal-segment-bytes", 1 << 20, "--wal-max-bytes", 6 << 20, "--wal-retain-bytes", 32 << 20,
         "--checkpoint-interval-secs", 1)


def checkpoint(server: LiveServer, seed: float) -> None:
    rng = random.Random(seed)
    connection = server.connect()
    try:
        while True:
            connection.post("/v1/admin/" + rng.choice(["checkpoint", "checkpoint", "compact"]))
            time.sleep(rng.uniform(0, 0.2))
    except LOST:
        pass
    finally:
        connection.close()


class World:
    def __init__(self, server: LiveServer, seed: int) -> None:
        self.server = server
        self.rng = random.Random(seed)
        self.writers = [ModelWriter(i, seed + i, kinds) for i, kinds in enumerate(WRITERS)]
        self.log = EventLog()
        self.live_frames = 0

    def mark(self) -> int:
        """The LSN of an event that is now the last."""
        connection = self.server.connect()
        lsn = expect(connection.post("/v1/events", {"type": "kill.mark", "data": {}})).json["lsn"]
        connection.close()
        return lsn

    def live(self, ends_well: bool) -> None:
        """One life of the server under load, and its end."""
        follower = Follower(EventStream(self.server.port, self.server.key, since=self.log.last))
        threads = [threading.Thread(target=writer.run, args=(self.server,)) for writer in self.writers]
        threads.append(threading.Thread(target=checkpoint, args=(self.server, self.rng.random())))
        for thread in threads:
            thread.start()
        time.sleep(self.rng.uniform(0.05, 0.8))
        if ends_well:
            for writer in self.writers:
                writer.may_be_turned_away = True
            assert self.server.stop() == 0, "SIGTERM did not end the server with 0"
        else:
            self.server.kill()
        for thread in threads:
            thread.join()
        faults = [writer.fault for writer in self.writers if writer.fault]
        if faults:
            raise AssertionError(faults[0])
        seen = follower.stop()
        self.live_frames += len(seen)
        self.server.start()
        self.catch_up(seen)

    def catch_up(self, seen: list) -> None:
        """`seen` is what the subscriber had before the server died."""
        before = self.log.last
        mark = self.mark()
        with EventStream(self.server.port, self.server.key, since=before) as stream:
            replayed = stream.read_to(mark)
        self.log.take(replayed)
        ids = [frame.id for frame in replayed]
        assert ids == sorted(set(ids)) and ids[0] > before, "ids go back or come twice"
        assert [frame.raw for frame in seen] == [frame.raw for frame in replayed[:len(seen)]], self.first_other(
            seen, replayed)
        self.log.check(self.writers)
        check_server(self.server, self.log.contents, "after the restart",
                     [writer.collection for writer in self.writers], [VECTORS])

    @staticmethod
    def first_other(seen: list, replayed: list) -> str:
        for i, frame in enumerate(seen):
            if i >= len(replayed) or frame.raw != replayed[i].raw:
                return "seen live %r, replayed %r" % (frame, replayed[i] if i < len(replayed) else None)
        return "the same"

    def check_history(self) -> int:
        """All that is kept, from the beginning or behind one gap. How many events."""
        with EventStream(self.server.port, self.server.key, last_event_id=0) as stream:
            frames = stream.read_to(self.log.last)
        first = 0
        if frames[0].event == "gap":
            gap = frames.pop(0).data
            assert gap["from_offset"] == 1 and gap["to_offset"] < frames[0].id, (gap, frames[0].id)
            first = next(i for i, frame in enumerate(self.log.frames) if frame.id > gap["to_offset"])
        wanted = [frame.raw for frame in self.log.frames[first:]]
        assert [frame.raw for frame in frames] == wanted, self.first_other(self.log.frames[first:], frames)
        return len(frames)


def main() -> None:
    arguments = parse_arguments(__doc__, "cycles", 20)
    with run_in_folder("vibrato_models_",
                       lambda root: LiveServer(arguments.binary, root / "data", *FLAGS)) as (_, server):
        server.start()
        world = World(server, arguments.seed)
        make_schema(server, world.writers)
        for cycle in range(arguments.cycles):
            world.live(ends_well=cycle % 5 == 4)
        replayed = world.check_history()
        assert server.stop() == 0, "SIGTERM did not end the server with 0"
    acknowledged = sum(one.lsn is not None for writer in world.writers for one in writer.sent.values())
    print("%d cycles, %d writes acknowledged, %d events, %d of them seen live and %d replayed at the end in the same "
          "bytes: none lost, none doubled, none half" %
          (arguments.cycles, acknowledged, len(world.log.frames), world.live_frames, replayed))


if __name__ == "__main__":
    main()
