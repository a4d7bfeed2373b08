// The certificate of a server and its key as files, and their change while the server runs.
#pragma once

#include <string>
#include <vibrato/result.hpp>

#include "base/logging.hpp"
#include "io/file_system.hpp"
#include "server/http_server.hpp"

namespace vibrato::app {

// Thread-safety: one thread at a time.
class TlsFiles {
 public:
  // As an operator typed them. `fs` outlives it.
  TlsFiles(io::FileSystem& fs, std::string certificate, std::string key)
      : fs_(fs), certificate_(std::move(certificate)), key_(std::move(key)) {}

  // Errors: those of the file system, naming the file.
  [[nodiscard]] Result<server::TlsIdentity> load();

  // Reads both again; gives them to the server if they are others than at the last look. What cannot be used is logged
  // once, and the server goes on with what it has: a certificate that is renewed file by file is taken at the next
  // look.
  void refresh(server::HttpServer& server, const Logger& logger);

 private:
  Result<server::TlsIdentity> read() const;

  io::FileSystem& fs_;
  const std::string certificate_;
  const std::string key_;
  server::TlsIdentity last_;  // At the last look.
  std::string last_problem_;
};

}  // namespace vibrato::app
