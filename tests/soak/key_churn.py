#!/usr/bin/env python3
"""Keys made, used and revoked by many clients at once, on a real server that is stopped and started between rounds.

  tests/soak/key_churn.py build/release/src/app/vibratod --keys 1000 [--seed N]

Each client makes a key of random roles, asks random routes with it (what its roles allow is let in, the rest is 403),
revokes it, and asks again at once, over connections that knew it: 401 from then on. After a kill -9 and a start every key
is what it was. An answer that fits none of this ends the run.
"""
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402

CLIENTS = 4
ROUND_KEYS = 100
ROUTES = [("query", "GET", "/v1/vector", None), ("query", "GET", "/v1/vector/c", None),
          ("query", "POST", "/v1/vector/c/search", {"vector": [1, 0], "k": 1}),
          ("ingest", "POST", "/v1/vector/c/upsert", {"id": 1, "vector": [1, 0]}),
          ("admin", "GET", "/v1/admin/stats", None), ("admin", "GET", "/v1/admin/keys", None)]


class Client:
    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.requests = 0
        self.alive, self.revoked = [], []
        self.fault = None

    def ask(self, connection, key, roles, is_revoked):
        role, method, path, body = self.random.choice(ROUTES)
        connection.key = key
        status = connection.ask(method, path, body).status
        wanted = 401 if is_revoked else 200 if role in roles or "admin" in roles else 403
        self.requests += 1
        if status != wanted:
            raise AssertionError("%s %s with %s, %s: %d, not %d" %
                                 (method, path, roles, "revoked" if is_revoked else "alive", status, wanted))

    def run(self, count):
        try:
            admin, user = self.server.connect(), self.server.connect()
            for _ in range(count):
                roles = self.random.sample(["query", "ingest", "admin"], self.random.randint(1, 3))
                made = admin.post("/v1/admin/keys", {"name": "churn", "roles": roles})
                if made.status != 200:
                    raise AssertionError("create: %r" % made)
                key = made.json["key"]
                for _ in range(self.random.randint(1, 4)):
                    self.ask(user, key, roles, False)
                if self.random.random() < 0.9:
                    gone = admin.ask("DELETE", "/v1/admin/keys/" + key.split(".")[0])
                    if gone.status != 200:
                        raise AssertionError("revoke: %r" % gone)
                    for _ in range(2):
                        self.ask(user, key, roles, True)
                    self.revoked = (self.revoked + [(key, roles)])[-20:]
                else:
                    self.alive.append((key, roles))
            admin.close()
            user.close()
        except Exception as error:  # noqa: BLE001 - told by the main thread
            self.fault = error

    def check_all(self):
        """After a restart; makes room for the next round."""
        connection, admin = self.server.connect(), self.server.connect()
        for key, roles in self.revoked:
            self.ask(connection, key, roles, True)
        for key, roles in self.alive:
            self.ask(connection, key, roles, False)
            admin.ask("DELETE", "/v1/admin/keys/" + key.split(".")[0])
            self.ask(connection, key, roles, True)
        self.alive = []
        connection.close()
        admin.close()


def run_round(clients, count):
    threads = [threading.Thread(target=client.run, args=(count,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        if client.fault:
            raise client.fault


def main():
    arguments = parse_arguments(__doc__, "keys", 1000)
    made = 0
    with run_in_folder("vibrato_keys_", lambda root: LiveServer(arguments.binary, root / "data", "--collection", "c",
                                                                "--dim", 2)) as (_, server):
        server.start()
        clients = [Client(server, arguments.seed + i) for i in range(CLIENTS)]
        while made < arguments.keys:
            count = min(ROUND_KEYS, max((arguments.keys - made) // CLIENTS, 1))
            run_round(clients, count)
            server.kill()
            server.start()
            for client in clients:
                client.check_all()
            made += count * CLIENTS
    print("%d keys made, %d requests with them: every answer was the right one"
          % (made, sum(client.requests for client in clients)))


if __name__ == "__main__":
    main()
