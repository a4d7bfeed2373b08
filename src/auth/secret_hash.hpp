// What the catalog keeps of a key's secret: HMAC-SHA-256(pepper, secret). docs/adr/0005 says why this and not a
// password hash. Only the authenticator and the key manager use it.
#pragma once

#include <string_view>

#include "auth/crypto.hpp"
#include "auth/pepper.hpp"

namespace vibrato::auth {

// Thread-safety: immutable; `pepper` must outlive it.
class SecretHasher {
 public:
  explicit SecretHasher(const Pepper& pepper) : pepper_(pepper) {}

  // `secret` is the part of the token behind the dot, as text.
  [[nodiscard]] Digest hash(std::string_view secret) const { return hmac_sha256(pepper_.key(), as_bytes(secret)); }
  // Takes the same time whatever `secret` and `expected` hold.
  [[nodiscard]] bool verify(std::string_view secret, const Digest& expected) const {
    return equal_in_constant_time(hash(secret), expected);
  }

 private:
  const Pepper& pepper_;
};

}  // namespace vibrato::auth
