#include "auth/authenticator.hpp"

#include <memory>
#include <utility>

#include "auth/api_token.hpp"

namespace vibrato::auth {
namespace {

Authentication refused(AuthState state, std::string_view key_id = "") {
  Authentication result;
  result.state = state;
  result.key_id = key_id;
  return result;
}

bool is_expired(const Principal& principal, std::int64_t now_ms) {
  return principal.expires_at_ms && now_ms >= *principal.expires_at_ms;
}

AuthState state_of(const KeyRecord& record, std::int64_t now_ms) {
  if (record.is_revoked()) {
    return AuthState::kRevoked;
  }
  return record.is_expired(now_ms) ? AuthState::kExpired : AuthState::kAuthenticated;
}

}  // namespace

std::string_view to_string(AuthState state) {
  switch (state) {
    case AuthState::kAuthenticated:
      return "authenticated";
    case AuthState::kMissing:
      return "missing";
    case AuthState::kGarbled:
      return "garbled";
    case AuthState::kUnknown:
      return "unknown";
    case AuthState::kWrongSecret:
      return "wrong_secret";
    case AuthState::kRevoked:
      return "revoked";
    case AuthState::kExpired:
      return "expired";
    case AuthState::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

Status to_status(AuthState state) {
  const auto unauthenticated = [](const char* message) { return Status(ErrorCode::kUnauthenticated, message); };
  switch (state) {
    case AuthState::kAuthenticated:
      return ok_status();
    case AuthState::kMissing:
      return unauthenticated("this route needs a key: send 'Authorization: Bearer <key>' or 'x-api-key: <key>'");
    case AuthState::kGarbled:
      return unauthenticated(
          "the header holds no key; one looks like vbk_<id>.<secret>, after 'Bearer ' in Authorization");
    case AuthState::kUnknown:
    case AuthState::kWrongSecret:
      return unauthenticated("the key is not valid");
    case AuthState::kRevoked:
      return unauthenticated("the key is revoked; ask an admin for a new one");
    case AuthState::kExpired:
      return unauthenticated("the key is expired; ask an admin for a new one");
    case AuthState::kUnavailable:
      break;
  }
  return {ErrorCode::kInternal, "keys cannot be checked now; the log of the server says why"};
}

Authenticator::Authenticator(KeyStore& store, const Pepper& pepper, std::size_t verified_max)
    : store_(store), hasher_(pepper), verified_(verified_max) {}

Authentication Authenticator::authenticate(const Credentials& credentials, std::int64_t now_ms) {
  if (!credentials.authorization && !credentials.api_key) {
    return refused(AuthState::kMissing);
  }
  const auto text = presented_token(credentials);
  const auto token = text ? parse_api_token(*text) : std::nullopt;
  if (!token) {
    return refused(AuthState::kGarbled);
  }
  const Digest token_digest = sha256_(as_bytes(*text));
  PrincipalPtr known = verified_.find(token_digest);
  if (!known) {
    return verify_by_store(token->id, token->secret, token_digest, now_ms);
  }
  if (is_expired(*known, now_ms)) {
    return refused(AuthState::kExpired, token->id);
  }
  Authentication result;
  result.state = AuthState::kAuthenticated;
  result.principal = std::move(known);
  return result;
}

Authentication Authenticator::verify_by_store(std::string_view id, std::string_view secret, const Digest& token_digest,
                                              std::int64_t now_ms) {
  const std::uint64_t epoch = verified_.epoch();
  auto found = store_.find(id);
  if (!found.ok()) {
    Authentication result = refused(AuthState::kUnavailable, id);
    result.store_error = found.status();
    return result;
  }
  const std::optional<KeyRecord>& record = *found;
  // An unknown id is compared with a hash that no secret has been found for, and refused whatever comes out.
  const bool is_right = hasher_.verify(secret, record ? record->secret_hash : Digest{});
  if (!record) {
    return refused(AuthState::kUnknown, id);
  }
  if (!is_right) {
    return refused(AuthState::kWrongSecret, id);
  }
  Authentication result = refused(state_of(*record, now_ms));
  if (result.state != AuthState::kAuthenticated) {
    result.key_id = id;
    return result;
  }
  result.principal = std::make_shared<const Principal>(
      Principal{record->id, record->name, record->roles, record->scope, record->expires_at_ms});
  verified_.insert(token_digest, result.principal, epoch);
  return result;
}

AuthState Authenticator::recheck(const Principal& principal, std::int64_t now_ms) {
  const auto found = store_.find(principal.key_id);
  if (!found.ok()) {
    return AuthState::kUnavailable;
  }
  const std::optional<KeyRecord>& record = *found;
  return record ? state_of(*record, now_ms) : AuthState::kUnknown;
}

}  // namespace vibrato::auth
