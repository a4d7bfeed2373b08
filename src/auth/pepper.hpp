// The pepper: the key under which the secrets of API keys are hashed. It lives outside the catalog, so that who reads
// the catalog alone (a copy, a backup of the database) can neither check guesses nor forge a row.
// It is a text, and its bytes are the key: what stands in the file, given in VIBRATO_API_PEPPER instead, is the same
// pepper. The file holds 64 lower-case hex digits (256 random bits) and a newline, with mode 0600.
// Invariant: no message and no log line contains any of it. The engine opens it, under the lock of the data folder.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "auth/key_store.hpp"
#include "auth/random_source.hpp"
#include "auth/secret_string.hpp"
#include "io/file_system.hpp"

namespace vibrato::auth {

// Thread-safety: immutable once made.
class Pepper {
 public:
  static constexpr std::size_t kBytesMin = 32;
  static constexpr std::size_t kBytesMax = 256;

  // What an operator gave. Errors: kInvalidArgument unless it is kBytesMin..kBytesMax visible ASCII characters.
  [[nodiscard]] static Result<Pepper> from_text(std::string text);

  [[nodiscard]] std::span<const std::byte> key() const { return as_bytes(text_.view()); }

 private:
  explicit Pepper(SecretString text) : text_(std::move(text)) {}

  SecretString text_;
};

// Errors: kNotFound; kForbidden if others than its owner may open the file; kIoError for a symbolic link and for
// failing calls; kCorruption unless the file holds exactly what create_pepper writes.
[[nodiscard]] Result<Pepper> load_pepper(io::FileSystem& file_system, const std::string& path);

// Makes a new one and its file, durably. Requires: no file at `path`, which it would replace.
[[nodiscard]] Result<Pepper> create_pepper(io::FileSystem& file_system, RandomSource& random, const std::string& path);

// Loads the pepper, or makes it at the first start. Errors: as load_pepper and create_pepper; kUnavailable if the file
// is missing while `store` holds keys: a new pepper would void every one of them without a word.
[[nodiscard]] Result<Pepper> open_pepper(io::FileSystem& file_system, RandomSource& random, const std::string& path,
                                         KeyStore& store);

}  // namespace vibrato::auth
