#include "auth/api_token.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "auth/hex.hpp"

namespace vibrato::auth {
namespace {

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// RFC 4648 section 5, without padding.
void append_base64url(std::span<const std::byte> bytes, std::string& out) {
  std::uint32_t held = 0;
  int held_bits = 0;
  for (const std::byte byte : bytes) {
    held = (held << 8U) | std::to_integer<std::uint32_t>(byte);
    held_bits += 8;
    for (; held_bits >= 6; held_bits -= 6) {
      out.push_back(kBase64Url[(held >> static_cast<unsigned>(held_bits - 6)) & 63U]);
    }
  }
  if (held_bits > 0) {
    out.push_back(kBase64Url[(held << static_cast<unsigned>(6 - held_bits)) & 63U]);
  }
}

}  // namespace

bool is_key_id(std::string_view text) {
  return text.size() == kKeyIdBytes && text.starts_with(kKeyIdPrefix) && is_lower_hex(text.substr(kKeyIdPrefix.size()));
}

std::optional<ApiToken> parse_api_token(std::string_view text) {
  if (text.size() != kApiTokenBytes || text[kKeyIdBytes] != '.') {
    return std::nullopt;
  }
  const ApiToken token{text.substr(0, kKeyIdBytes), text.substr(kKeyIdBytes + 1)};
  if (!is_key_id(token.id) || !std::all_of(token.secret.begin(), token.secret.end(), is_base64url)) {
    return std::nullopt;
  }
  return token;
}

Result<NewApiToken> make_api_token(RandomSource& random) {
  std::array<std::byte, kKeyIdRandomBytes + kSecretRandomBytes> bytes{};
  VIBRATO_RETURN_IF_ERROR(random.fill(bytes));
  std::string token;
  // Room for all of it at once: growing would leave parts of the secret behind in freed memory.
  token.reserve(kApiTokenBytes);
  token += kKeyIdPrefix;
  append_hex(std::span(bytes).first<kKeyIdRandomBytes>(), token);
  std::string id = token;
  token.push_back('.');
  append_base64url(std::span(bytes).last<kSecretRandomBytes>(), token);
  wipe(bytes);
  return NewApiToken{std::move(id), SecretString(std::move(token))};
}

}  // namespace vibrato::auth
