"""Reads `GET /v1/stream` of a running server: whole frames as they came, and what they say."""
import http.client
import json
import socket
import threading
import time
from typing import Callable, NamedTuple, Optional
from urllib.parse import urlencode


class Frame(NamedTuple):
    """`id` is None for a gap. `raw` is every byte up to and with the empty line."""
    id: Optional[int]
    event: str
    data: dict
    raw: bytes


def parse_frame(raw: bytes) -> Frame:
    fields: dict = {}
    for line in raw.decode().split("\n"):
        if line:
            name, _, value = line.partition(":")
            if name in fields:
                raise AssertionError("a frame with two lines %s: %r" % (name, raw))
            fields[name] = value[1:] if value.startswith(" ") else value
    data = json.loads(fields["data"])
    return Frame(int(fields["id"]) if "id" in fields else None, fields["event"], data, raw)


class EventStream:
    """One subscription. `frames` yields what comes; a timeout of the socket ends it with an error."""

    def __init__(self, port: int, key: Optional[str] = None, since: Optional[int] = None, last_event_id=None,
                 path: str = "/v1/stream", timeout: float = 30, **filters: str) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        headers = {} if key is None else {"Authorization": "Bearer " + key}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        query = dict(filters) | ({} if since is None else {"since": since})
        self.http.request("GET", path + ("?" + urlencode(query) if query else ""), headers=headers)
        self.socket = self.http.sock   # Kept: the answer takes it over.
        self.answer = self.http.getresponse()
        self.status = self.answer.status
        self.headers = self.answer.headers
        self.comments = 0

    def next_frame(self) -> Optional[Frame]:
        """None when the server ends the stream, or dies: half a frame does not count."""
        lines = []
        while True:
            line = self.answer.readline()
            if not line.endswith(b"\n"):
                return None
            if line.startswith(b":") and not lines:
                self.comments += 1
            elif line.strip():
                lines.append(line)
            elif lines:
                return parse_frame(b"".join(lines) + line)

    def read_until(self, wanted: Callable) -> list:
        """All frames up to the first for which `wanted` holds."""
        found = []
        while True:
            frame = self.next_frame()
            if frame is None:
                raise AssertionError("the stream ended after %d frames, the last: %r" % (len(found), found[-1:]))
            found.append(frame)
            if wanted(frame):
                return found

    def read_to(self, lsn: int) -> list:
        """All frames up to the one of this LSN."""
        frames = self.read_until(lambda frame: frame.id is not None and frame.id >= lsn)
        if frames[-1].id != lsn:
            raise AssertionError("no event %d: %r follows" % (lsn, frames[-1]))
        return frames

    def read(self, count: int) -> list:
        left = iter(range(count - 1, -1, -1))
        return self.read_until(lambda frame: next(left) == 0)

    def is_silent(self, seconds: float) -> bool:
        """Whether no event comes for so long. The stream cannot be read on afterwards if one does."""
        self.socket.settimeout(seconds)
        try:
            return self.next_frame() is None
        except (socket.timeout, TimeoutError):
            return True

    def close(self) -> None:
        self.answer.close()
        self.http.close()

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Follower(threading.Thread):
    """Keeps all frames of a stream until the server dies, or `stop`."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.frames: list = []
        self.fault: Optional[str] = None
        self.start()

    def run(self) -> None:
        try:
            while (frame := self.stream.next_frame()) is not None:
                self.frames.append(frame)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass   # It died, or was closed from the other thread.
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = repr(fault)

    def wait_for(self, lsn: int, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not self.frames or (self.frames[-1].id or 0) < lsn:
            if time.monotonic() > until or not self.is_alive():
                raise AssertionError("event %d did not come; the last is %r" % (lsn, self.frames[-1:]))
            time.sleep(0.005)

    def stop(self) -> list:
        try:
            self.stream.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join()
        self.stream.close()
        if self.fault:
            raise AssertionError(self.fault)
        return self.frames
