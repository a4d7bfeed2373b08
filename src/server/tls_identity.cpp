#include "server/tls_identity.hpp"

#include <boost/asio/buffer.hpp>
#include <openssl/ssl.h>
#include <string>
#include <utility>

namespace vibrato::server {
namespace {

namespace ssl = boost::asio::ssl;

Status bad_identity(const std::string& what, const boost::system::error_code& error) {
  return invalid_argument(what + ": " + error.message());
}

}  // namespace

Result<TlsContextPtr> make_server_tls(const TlsIdentity& identity) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION |
                           SSL_OP_CIPHER_SERVER_PREFERENCE,
                       error);
  if (error || SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1) {
    return Status(ErrorCode::kInternal, "TLS cannot be set up: " + error.message());
  }
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  // A key under a passphrase is refused; without this OpenSSL would ask at the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
  context->use_certificate_chain(boost::asio::buffer(identity.certificate_chain_pem), error);
  if (error) {
    return bad_identity("the TLS certificate is no chain of certificates in PEM form", error);
  }
  context->use_private_key(boost::asio::buffer(identity.private_key_pem), ssl::context::pem, error);
  if (error) {
    return bad_identity(
        "the TLS key is no private key in PEM form without a passphrase, or not that of the certificate", error);
  }
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return invalid_argument("the TLS key is not that of the certificate");
  }
  return context;
}

}  // namespace vibrato::server
