"""A real `vibratod serve-v2` in a folder: started on a free port, asked over HTTP, stopped or killed."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

START_SECONDS = 60


def make_certificate(folder, name):
    """A self-signed one for 127.0.0.1: the paths of certificate and key."""
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out",
                    str(paths[0]), "-keyout", str(paths[1])], check=True, capture_output=True)
    return paths


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:300])


class Connection:
    """One keep-alive connection with a key. Not for two threads at once."""

    def __init__(self, port, key=None, timeout=60):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.key = key

    def ask(self, method, path, body=None, headers=None):
        sent = dict(headers or {})
        if self.key is not None and "Authorization" not in sent:
            sent["Authorization"] = "Bearer " + self.key
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        self.http.request(method, path, body=body, headers=sent)
        reply = self.http.getresponse()
        if reply.headers.get_content_type() == "text/event-stream":  # It does not end.
            self.http.close()
            return Answer(reply.status, reply.headers, b"")
        return Answer(reply.status, reply.headers, reply.read())

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None, headers=None):
        return self.ask("POST", path, {} if body is None else body, headers)

    def close(self):
        self.http.close()


class LiveServer:
    """`key` is that of the bootstrap, made at the first start in the folder and kept for the next ones."""

    def __init__(self, binary, folder, *flags, key=None, environment=None):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        self.flags = flags
        self.key = key
        self.environment = environment
        self.process = None
        self.port = None
        self.scheme = None

    def start(self, wait_until_ready=True):
        log = open(self.folder.parent / (self.folder.name + ".log"), "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve-v2", "--data-dir", str(self.folder), "--port", "0", "--bootstrap-admin-key", "true",
             *map(str, self.flags)],
            stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()
        self.port = None
        while self.port is None:
            line = self.process.stdout.readline().decode()
            if not line:
                raise RuntimeError("serve-v2 ended with %s; its log:\n%s" % (self.process.wait(), self.log()[-2000:]))
            if line.startswith("BOOTSTRAP_ADMIN_KEY="):
                self.key = line.strip().split("=", 1)[1]
            elif line.startswith("listening on "):
                self.scheme = line.split()[2].split(":")[0]
                self.port = int(line.strip().rsplit(":", 1)[1])
        threading.Thread(target=self.drop_output, args=(self.process.stdout,), daemon=True).start()
        if wait_until_ready:
            self.wait_until_ready()
        return self

    @staticmethod
    def drop_output(stream):
        with stream:
            stream.read()

    def wait_until_ready(self):
        until = time.monotonic() + START_SECONDS
        while True:
            connection = self.connect(None)
            answer = connection.get("/v1/health/ready")
            connection.close()
            if answer.status == 200:
                return
            if time.monotonic() > until:
                raise RuntimeError("not ready after %d s: %r" % (START_SECONDS, answer))
            time.sleep(0.01)

    def connect(self, key="own", timeout=60):
        return Connection(self.port, self.key if key == "own" else key, timeout)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def log(self):
        return (self.folder.parent / (self.folder.name + ".log")).read_text()


class TidyServer(LiveServer):
    """For one test: closes what it opened, and ends when the test does (`addCleanup(server.end)`)."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.connections = []

    def connect(self, *arguments, **options):
        self.connections.append(super().connect(*arguments, **options))
        return self.connections[-1]

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for connection in self.connections:
            connection.close()
