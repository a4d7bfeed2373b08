// Any bytes as the headers that carry a key, the first byte choosing which are there: what is accepted as a token is
// one word of its header, put together again from its parts. The same bytes as roles and as ids.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vibrato/check.hpp>

#include "auth/api_token.hpp"
#include "auth/credentials.hpp"
#include "auth/roles.hpp"

namespace {

using namespace vibrato::auth;

void check_headers(const Credentials& credentials) {
  const auto text = presented_token(credentials);
  if (!text) return;
  VIBRATO_CHECK(!text->empty() && text->find_first_of(" \t") == std::string_view::npos);
  const auto token = parse_api_token(*text);
  if (!token) return;
  VIBRATO_CHECK(text->size() == kApiTokenBytes && is_key_id(token->id));
  VIBRATO_CHECK(std::string(token->id) + "." + std::string(token->secret) == *text);
}

void check_roles(std::string_view text) {
  const auto roles = parse_role_list(text);
  if (!roles.ok()) return;
  VIBRATO_CHECK(!roles->empty() && parse_role_list(to_string(*roles)).value() == *roles);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Credentials credentials;
  if (data[0] % 4 != 0) credentials.api_key = text;
  if (data[0] % 4 != 1) credentials.authorization = text.substr(0, data[0] % 4 == 3 ? text.size() / 2 : text.size());
  check_headers(credentials);
  check_roles(text);
  VIBRATO_CHECK(!is_key_id(text) || text.size() == kKeyIdBytes);
  return 0;
}
