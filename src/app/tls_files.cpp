#include "app/tls_files.hpp"

#include <utility>

#include "app/text_file.hpp"

namespace vibrato::app {

Result<server::TlsIdentity> TlsFiles::read() const {
  Result<std::string> chain = read_text_file(fs_, certificate_);
  if (!chain.ok()) return chain.status().with_context("--tls-cert");
  Result<std::string> key = read_text_file(fs_, key_);
  if (!key.ok()) return key.status().with_context("--tls-key");
  return server::TlsIdentity{*std::move(chain), *std::move(key)};
}

Result<server::TlsIdentity> TlsFiles::load() {
  VIBRATO_ASSIGN_OR_RETURN(last_, read());
  return last_;
}

void TlsFiles::refresh(server::HttpServer& server, const Logger& logger) {
  Result<server::TlsIdentity> now = read();
  Status status = now.status();
  if (now.ok()) {
    const bool is_same =
        now->certificate_chain_pem == last_.certificate_chain_pem && now->private_key_pem == last_.private_key_pem;
    if (is_same) return;
    last_ = *std::move(now);
    status = server.change_tls_identity(last_);
  }
  if (status.ok()) {
    logger.info("new connections see the certificate that is now in {}", certificate_);
    last_problem_.clear();
  } else if (status.message() != last_problem_) {
    logger.error("the TLS certificate is not changed: {}", status.message());
    last_problem_ = status.message();
  }
}

}  // namespace vibrato::app
