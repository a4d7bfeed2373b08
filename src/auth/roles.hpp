// What a key may do: query reads, ingest writes, admin implies both and everything else. ingest alone does not read.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::auth {

enum class Role : std::uint8_t { kQuery, kIngest, kAdmin };

inline constexpr Role kAllRoles[] = {Role::kQuery, Role::kIngest, Role::kAdmin};

// "query", "ingest", "admin".
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

// A set of roles. Thread-safety: a value type.
class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) {
      add(role);
    }
  }

  constexpr void add(Role role) { bits_ = static_cast<std::uint8_t>(bits_ | bit(role)); }
  [[nodiscard]] constexpr bool contains(Role role) const { return (bits_ & bit(role)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  // Whether a key with these roles may do what `required` stands for.
  [[nodiscard]] constexpr bool allows(Role required) const { return contains(required) || contains(Role::kAdmin); }

  friend constexpr bool operator==(RoleSet, RoleSet) = default;

 private:
  static constexpr std::uint8_t bit(Role role) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role)); }

  std::uint8_t bits_ = 0;
};

// "query,ingest": in the order of kAllRoles, as the catalog and the command line write them.
[[nodiscard]] std::string to_string(RoleSet roles);

// Words as in a JSON array. Errors: kInvalidArgument for none and for an unknown one, naming it.
[[nodiscard]] Result<RoleSet> parse_roles(std::span<const std::string> words);
// Words separated by commas, blanks around them ignored. Errors: as above.
[[nodiscard]] Result<RoleSet> parse_role_list(std::string_view list);

}  // namespace vibrato::auth
