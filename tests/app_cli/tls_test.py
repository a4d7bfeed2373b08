"""TLS of serve-v2 seen by clients: which versions it speaks, what becomes of plain HTTP on its port, and the change of
its certificate while it runs."""
import http.client
import shutil
import signal
import socket
import ssl
import time
import warnings

import cli
import live_server


class TlsTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.first = live_server.make_certificate(self.folder, "first")
        self.second = live_server.make_certificate(self.folder, "second")
        self.used = self.folder / "used.crt", self.folder / "used.key"
        self.install(self.first)
        self.server = live_server.TidyServer(cli.BINARY, self.folder / "db", "--tls-cert", self.used[0], "--tls-key",
                                             self.used[1], environment=cli.clean_environment())
        self.addCleanup(self.server.end)
        self.server.start(wait_until_ready=False)

    def install(self, pair):
        for source, target in zip(pair, self.used):
            shutil.copy(source, target)

    def context(self, ca):
        return ssl.create_default_context(cafile=str(ca))

    def connect(self, ca):
        return http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=30, context=self.context(ca))

    def ask(self, connection, path="/v1/health"):
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.server.key})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def ask_once(self, ca):
        connection = self.connect(ca)
        try:
            return self.ask(connection)
        finally:
            connection.close()

    def common_name(self):
        """Of the certificate that a new connection is shown."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.server.port), timeout=30)
        for pair, name in ((self.first, "first"), (self.second, "second")):
            if "".join(pair[0].read_text().split()) == "".join(pem.split()):
                return name
        return "neither"

    def wait_for(self, name):
        until = time.monotonic() + 30
        while self.common_name() != name and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual(self.common_name(), name)

    def handshake(self, lowest, highest):
        """The version that is spoken with a client that offers these."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Of the old versions, which are what this is about.
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = lowest, highest
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as plain:
            with context.wrap_socket(plain) as client:
                return client.version()

    def test_old_versions_are_refused(self):
        version = ssl.TLSVersion
        self.assertEqual(self.handshake(version.TLSv1_2, version.TLSv1_2), "TLSv1.2")
        self.assertEqual(self.handshake(version.TLSv1_2, version.TLSv1_3), "TLSv1.3")
        for old in (version.TLSv1, version.TLSv1_1):
            with self.assertRaises((ssl.SSLError, ConnectionError)) as refused:
                self.handshake(old, old)
            # The refusal is that of the server: an alert, not a client that has nothing to offer.
            self.assertRegex(str(refused.exception), r"(?i)alert|reset|eof", old)
            self.assertNotIn("no protocols available", str(refused.exception).lower())
        self.assertEqual(self.ask_once(self.first[0]), 200)

    def test_plain_http_on_its_port_is_refused_and_harms_nobody(self):
        kept = self.connect(self.first[0])
        self.addCleanup(kept.close)
        self.assertEqual(self.ask(kept), 200)
        for sent in (b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\xff" * 500,
                     b""):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                received = b""
                try:
                    while chunk := client.recv(4096):
                        received += chunk
                except ConnectionError:
                    pass
            self.assertNotIn(b"HTTP/1.1 200", received, "nothing is answered in the clear")
            self.assertNotIn(b'"status"', received)
        plain = live_server.Connection(self.server.port, self.server.key, timeout=30)
        self.addCleanup(plain.close)
        answer = plain.get("/v1/health")
        self.assertEqual(answer.status, 400)
        self.assertIn("use https://", answer.json["message"])
        self.assertIn("a plain HTTP request on the TLS port came from 127.0.0.1", self.server.log())
        # A command that was given the wrong scheme fails, and says with whom it spoke.
        message = self.fail_with(1, "key-list", "--server", f"http://127.0.0.1:{self.server.port}", "--key",
                                 self.server.key)
        self.assertIn("use https://", message)
        self.assertNotIn(self.server.key, message)
        self.assertEqual(self.ask(kept), 200)
        self.assertEqual(self.ask_once(self.first[0]), 200)
        self.assertEqual(self.server.stop(), 0)

    def test_a_new_certificate_is_shown_without_a_restart_and_old_connections_go_on(self):
        kept = self.connect(self.first[0])
        self.addCleanup(kept.close)
        self.assertEqual(self.ask(kept), 200)
        self.assertEqual(self.common_name(), "first")
        process = self.server.process.pid
        self.install(self.second)
        self.server.process.send_signal(signal.SIGHUP)
        self.wait_for("second")
        self.assertEqual(self.ask_once(self.second[0]), 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.ask_once(self.first[0])
        self.assertEqual(self.ask(kept), 200)
        self.assertEqual(self.server.process.pid, process)
        self.assertIsNone(self.server.process.poll())

    def test_a_pair_that_does_not_fit_is_not_taken_until_it_does(self):
        shutil.copy(self.second[0], self.used[0])  # The certificate is renewed, its key not yet.
        self.server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while "the TLS certificate is not changed" not in self.server.log() and time.monotonic() < until:
            time.sleep(0.02)
        self.assertIn("the TLS certificate is not changed", self.server.log())
        self.assertEqual(self.common_name(), "first")
        shutil.copy(self.second[1], self.used[1])
        self.server.process.send_signal(signal.SIGHUP)
        self.wait_for("second")

    def test_a_stop_ends_connections_that_never_shook_hands(self):
        idle = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
        self.addCleanup(idle.close)
        self.assertEqual(self.ask_once(self.first[0]), 200)
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    cli.main()
