// The API keys, without their secrets: of those only a keyed hash is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/statements.hpp"

namespace vibrato::catalog {

// Bits of ApiKey::roles.
inline constexpr std::uint8_t kRoleQuery = 1;
inline constexpr std::uint8_t kRoleIngest = 2;
inline constexpr std::uint8_t kRoleAdmin = 4;
inline constexpr std::uint8_t kRolesAll = kRoleQuery | kRoleIngest | kRoleAdmin;

struct ApiKey {
  std::string id;  // What a client sends in front of the dot.
  std::string name;
  std::array<std::byte, 32> hash{};
  std::uint8_t roles = 0;                               // At least one.
  std::optional<std::vector<std::string>> collections;  // Nothing: all of them.
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> expires_at_ms;
  std::optional<std::int64_t> revoked_at_ms;

  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

// Thread-safety: that of the Catalog.
class KeysTable {
 public:
  [[nodiscard]] static Result<KeysTable> open(sqlite::Connection& connection);

  // Oldest first, revoked ones too.
  [[nodiscard]] Result<std::vector<ApiKey>> all() const;
  [[nodiscard]] Result<std::optional<ApiKey>> find(std::string_view id) const;
  // Errors: kAlreadyExists for the id, kInvalidArgument for no or unknown roles or a bad name (of the key or of a
  // collection).
  [[nodiscard]] Status insert(const ApiKey& key);
  // Keeps the first time of revocation. kNotFound for an unknown id.
  [[nodiscard]] Status revoke(std::string_view id, std::int64_t now_ms);

 private:
  explicit KeysTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
