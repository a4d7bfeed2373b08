// The cryptographic primitives behind API keys, over OpenSSL. Only crypto.cpp includes OpenSSL; only auth calls this.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

struct evp_md_st;

namespace vibrato::auth {

// The 32 bytes of SHA-256 and of HMAC-SHA-256.
using Digest = std::array<std::byte, 32>;

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// SHA-256 (FIPS 180-4). Looks the algorithm up once, when it is made: OpenSSL's one-call form does so each time.
// Thread-safety: all methods may be called from many threads at once.
class Sha256 {
 public:
  Sha256();
  [[nodiscard]] Digest operator()(std::span<const std::byte> message) const;

 private:
  struct Free {
    void operator()(evp_md_st* algorithm) const;
  };
  std::unique_ptr<evp_md_st, Free> algorithm_;
};

// HMAC-SHA-256 (RFC 2104, RFC 4231), with a key of any length.
[[nodiscard]] Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message);

// Takes the same time wherever the two differ.
[[nodiscard]] bool equal_in_constant_time(const Digest& a, const Digest& b);

// Overwrites a secret in a way that the compiler does not remove.
void wipe(std::span<std::byte> secret);

}  // namespace vibrato::auth
