#include "auth/roles.hpp"

#include <algorithm>
#include <vector>

#include "base/plain_text.hpp"
#include "io/safe_path.hpp"

namespace vibrato::auth {
namespace {

// Repeats only words that are short and plain: the message goes to terminals and logs.
Status unknown_role(std::string_view word, std::size_t position) {
  std::string message = "role ";
  message += io::is_safe_name(word) ? std::string(word) : std::to_string(position + 1) + " of the list";
  message += " is unknown; roles are query, ingest and admin";
  return invalid_argument(std::move(message));
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kQuery:
      return "query";
    case Role::kIngest:
      return "ingest";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> parse_role(std::string_view text) {
  const auto* const found =
      std::find_if(std::begin(kAllRoles), std::end(kAllRoles), [&](Role role) { return to_string(role) == text; });
  return found == std::end(kAllRoles) ? std::nullopt : std::optional(*found);
}

std::string to_string(RoleSet roles) {
  std::string text;
  for (const Role role : kAllRoles) {
    if (roles.contains(role)) {
      text += text.empty() ? "" : ",";
      text += to_string(role);
    }
  }
  return text;
}

Result<RoleSet> parse_roles(std::span<const std::string> words) {
  RoleSet roles;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto role = parse_role(words[i]);
    if (!role) {
      return unknown_role(words[i], i);
    }
    roles.add(*role);
  }
  if (roles.empty()) {
    return invalid_argument("a key needs at least one role: query, ingest or admin");
  }
  return roles;
}

Result<RoleSet> parse_role_list(std::string_view list) {
  if (without_blanks(list).empty()) {
    return parse_roles({});
  }
  std::vector<std::string> words;
  for (;;) {
    const std::size_t comma = list.find(',');
    words.emplace_back(without_blanks(list.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return parse_roles(words);
    }
    list.remove_prefix(comma + 1);
  }
}

}  // namespace vibrato::auth
