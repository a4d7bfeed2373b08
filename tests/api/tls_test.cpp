// TLS over real sockets: who gets in, who is turned away, and the change of the certificate while the server runs.
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <thread>
#include <utility>

#include "api/test_server.hpp"
#include "server/http_client.hpp"
#include "support/made_certificate.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {
namespace {

server::HttpServerOptions with_tls(const MadeCertificate& made) {
  server::HttpServerOptions options;
  options.tls = server::TlsIdentity{made.certificate_pem, made.key_pem};
  return options;
}

class Tls : public ::testing::Test {
 protected:
  server::HttpClient client_that_trusts(const MadeCertificate& made, const TestServer& server) {
    server::HttpAddress address{"127.0.0.1", server.port(), ""};
    address.has_tls = true;
    server::HttpClientOptions options;
    options.ca_cert_pem = made.certificate_pem;
    options.body_bytes_max = 64U << 20U;
    return {address, options};
  }

  const MadeCertificate first_ = make_certificate("first");
  const MadeCertificate second_ = make_certificate("second");
};

// A handshake of this library at most of `version`; the version that was agreed on, 0 if none was.
int handshake_version(std::uint16_t port, int version_max) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), version_max);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(ssl.get(), socket);
  const int version = SSL_connect(ssl.get()) == 1 ? SSL_version(ssl.get()) : 0;
  ::close(socket);
  return version;
}

TEST_F(Tls, answers_requests_of_all_sizes_on_one_connection) {
  TestServer server(with_tls(first_));
  server::HttpClient client = client_that_trusts(first_, server);
  for (const std::size_t padding : {0U, 16'384U, 65'536U, 1'000'000U, 10U}) {
    const auto reply =
        client.request(api::Method::kPost, "/ingest", R"({"vector":[1,1])" + std::string(padding, ' ') + "}");
    ASSERT_OK(reply);
    EXPECT_EQ(reply->status, 201);
  }
  const auto large = client.request(api::Method::kGet, "/megabytes");
  ASSERT_OK(large);
  EXPECT_EQ(large->body.size(), 32U << 20U);
  EXPECT_EQ(large->body.find_first_not_of('x'), std::string::npos);
}

TEST_F(Tls, an_early_error_reaches_the_client) {
  TestServer server(with_tls(first_));
  server::HttpClient client = client_that_trusts(first_, server);
  const auto reply = client.request(api::Method::kPost, "/nowhere", std::string(3'000'000, ' '));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->status, 404);
}

TEST_F(Tls, a_client_refuses_a_server_that_it_does_not_trust) {
  TestServer server(with_tls(first_));
  server::HttpClient client = client_that_trusts(second_, server);
  EXPECT_CODE(client.request(api::Method::kGet, "/health"), ErrorCode::kInvalidArgument);
}

TEST_F(Tls, plaintext_is_told_what_the_port_speaks_and_the_log_has_it) {
  TestServer server(with_tls(first_));
  for (const std::string& request : {get("/health"), std::string("OPTIONS /health HTTP/1.1\r\nHost: h\r\n\r\n")}) {
    HttpClient client(server.port());
    ASSERT_TRUE(client.send(request));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 400);
    EXPECT_NE(answer->body.find("this port speaks TLS"), std::string::npos) << answer->body;
    EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(server.warnings(), (std::vector<std::string>{"a plain HTTP request on the TLS port came from 127.0.0.1"}));
  EXPECT_EQ(server.records(), (std::vector<std::string>{" 400", " 400"})) << "no route was called";
}

TEST_F(Tls, a_handshake_on_a_plain_port_is_refused_at_once) {
  TestServer server;
  EXPECT_EQ(handshake_version(server.port(), TLS1_3_VERSION), 0);
  EXPECT_EQ(server.warnings(),
            (std::vector<std::string>{"a TLS handshake on the port for plain HTTP came from 127.0.0.1"}));
}

TEST_F(Tls, handshakes_that_take_too_long_are_ended) {
  server::HttpServerOptions options = with_tls(first_);
  options.tls_handshake_timeout_ms = 100;
  TestServer server(options);
  HttpClient silent(server.port());
  HttpClient partial(server.port());
  ASSERT_TRUE(partial.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)));
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(partial.read_answer().has_value());
}

TEST_F(Tls, speaks_1_2_and_1_3_only) {
  TestServer server(with_tls(first_));
  EXPECT_EQ(handshake_version(server.port(), TLS1_3_VERSION), TLS1_3_VERSION);
  EXPECT_EQ(handshake_version(server.port(), TLS1_2_VERSION), TLS1_2_VERSION);
  EXPECT_EQ(handshake_version(server.port(), TLS1_1_VERSION), 0);
}

TEST_F(Tls, a_new_certificate_is_shown_to_new_connections) {
  TestServer server(with_tls(first_));
  server::HttpClient old = client_that_trusts(first_, server);
  ASSERT_OK(old.request(api::Method::kGet, "/health"));
  ASSERT_OK(server.server().change_tls_identity({second_.certificate_pem, second_.key_pem}));
  EXPECT_OK(old.request(api::Method::kGet, "/health")) << "what exists goes on";
  EXPECT_OK(client_that_trusts(second_, server).request(api::Method::kGet, "/health"));
  EXPECT_CODE(client_that_trusts(first_, server).request(api::Method::kGet, "/health"), ErrorCode::kInvalidArgument);
}

TEST_F(Tls, a_bad_new_certificate_changes_nothing) {
  TestServer server(with_tls(first_));
  EXPECT_CODE(server.server().change_tls_identity({second_.certificate_pem, first_.key_pem}),
              ErrorCode::kInvalidArgument);
  EXPECT_CODE(server.server().change_tls_identity({"", ""}), ErrorCode::kInvalidArgument);
  EXPECT_OK(client_that_trusts(first_, server).request(api::Method::kGet, "/health"));
  TestServer plain;
  EXPECT_CODE(plain.server().change_tls_identity({first_.certificate_pem, first_.key_pem}),
              ErrorCode::kInvalidArgument);
}

TEST_F(Tls, a_start_names_what_is_wrong) {
  SystemClock clock;
  const Logger logger(LogLevel::kOff);
  const auto start = [&](std::string certificate, std::string key) {
    server::HttpServerOptions options;
    options.port = 0;
    options.tls = server::TlsIdentity{std::move(certificate), std::move(key)};
    return server::HttpServer::start(options, api::RouteTable(api::Surface::kServe), clock, logger).status();
  };
  EXPECT_NE(start("no PEM", first_.key_pem).message().find("certificate"), std::string::npos);
  EXPECT_NE(start(first_.certificate_pem, "no PEM").message().find("key"), std::string::npos);
  EXPECT_NE(start(first_.certificate_pem, second_.key_pem).message().find("key"), std::string::npos);
}

TEST_F(Tls, a_server_stops_with_idle_connections) {
  TestServer server(with_tls(first_));
  server::HttpClient client = client_that_trusts(first_, server);
  ASSERT_OK(client.request(api::Method::kGet, "/health"));
  EXPECT_TRUE(server.server().stop());
}

TEST_F(Tls, a_connection_too_many_is_closed) {
  server::HttpServerOptions options = with_tls(first_);
  options.connections_max = 1;
  TestServer server(options);
  server::HttpClient first = client_that_trusts(first_, server);
  ASSERT_OK(first.request(api::Method::kGet, "/health"));
  EXPECT_FALSE(client_that_trusts(first_, server).request(api::Method::kGet, "/health").ok());
}

}  // namespace
}  // namespace vibrato::test
