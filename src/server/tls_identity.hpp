// The certificate with which a server proves itself to its clients, and its exchange while the server runs: connections
// that are made from then on see the new one, those that exist go on with what they began with.
// TLS 1.2 and 1.3. Nothing here reads files: the texts come from the caller, and no message contains any of the key.
// For the .cpp files of this folder only: Asio is a heavy header.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <vibrato/result.hpp>

#include "server/http_server.hpp"

namespace vibrato::server {

using TlsContextPtr = std::shared_ptr<boost::asio::ssl::context>;

// Errors: kInvalidArgument naming what is wrong: the certificate, the key, or that they do not belong together.
[[nodiscard]] Result<TlsContextPtr> make_server_tls(const TlsIdentity& identity);

// Thread-safety: all methods may be called from many threads at once.
class CurrentTls {
 public:
  // Null: connections are plain.
  [[nodiscard]] TlsContextPtr get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void set(TlsContextPtr context) {
    const std::lock_guard lock(mutex_);
    context_.swap(context);
  }

 private:
  mutable std::mutex mutex_;
  TlsContextPtr context_;
};

}  // namespace vibrato::server
