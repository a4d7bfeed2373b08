// Where keys are stored: the catalog, behind an interface, so that auth is tested without it. Rows are never deleted,
// so an id is never used twice and a revoked key stays known as revoked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "auth/key_record.hpp"

namespace vibrato::auth {

// Thread-safety: all methods may be called from many threads at once. What insert or revoke returned ok for is durable,
// and seen by every find and list that begins afterwards.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  // Nothing if there is no such key; any text is allowed as an id.
  [[nodiscard]] virtual Result<std::optional<KeyRecord>> find(std::string_view id) = 0;
  // Errors: kAlreadyExists.
  [[nodiscard]] virtual Status insert(const KeyRecord& record) = 0;
  // Ok also if it is revoked already; the first time stays. Errors: kNotFound.
  [[nodiscard]] virtual Status revoke(std::string_view id, std::int64_t revoked_at_ms) = 0;
  // All keys, revoked and expired ones too, in order of creation, then of id.
  [[nodiscard]] virtual Result<std::vector<KeyRecord>> list() = 0;
};

}  // namespace vibrato::auth
