// The text of an API key: vbk_<32 lower-case hex digits>.<43 characters of base64url>. In front of the dot is the id,
// 128 random bits, which is no secret: lists, logs and audit rows show it. Behind it is the secret, 256 random bits.
// The secret is that text, not the bits it spells: what is hashed (auth/secret_hash.hpp) is what the client sent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "auth/random_source.hpp"
#include "auth/secret_string.hpp"

namespace vibrato::auth {

inline constexpr std::string_view kKeyIdPrefix = "vbk_";
inline constexpr std::size_t kKeyIdRandomBytes = 16;
inline constexpr std::size_t kSecretRandomBytes = 32;
inline constexpr std::size_t kKeyIdBytes = kKeyIdPrefix.size() + 2 * kKeyIdRandomBytes;
inline constexpr std::size_t kSecretBytes = (kSecretRandomBytes * 8 + 5) / 6;  // 6 bits a character, no padding.
inline constexpr std::size_t kApiTokenBytes = kKeyIdBytes + 1 + kSecretBytes;

// The parts of a token, both views into the text that was parsed.
struct ApiToken {
  std::string_view id;  // With its prefix.
  std::string_view secret;
};

struct NewApiToken {
  std::string id;
  SecretString token;
};

// Nothing unless `text` is exactly one token: any other length, alphabet or letter case is refused. Total.
[[nodiscard]] std::optional<ApiToken> parse_api_token(std::string_view text);

// Whether `text` is what stands in front of the dot.
[[nodiscard]] bool is_key_id(std::string_view text);

// Errors: those of `random`.
[[nodiscard]] Result<NewApiToken> make_api_token(RandomSource& random);

}  // namespace vibrato::auth
