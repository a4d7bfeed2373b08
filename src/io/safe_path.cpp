#include "io/safe_path.hpp"

#include <algorithm>

namespace vibrato::io {
namespace {

// Spelled out, because std::isalnum asks the locale.
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') {
    path.remove_suffix(1);
  }
  return path;
}

}  // namespace

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

Status check_name(std::string_view name) {
  if (is_safe_name(name)) {
    return ok_status();
  }
  return invalid_argument("a name is 1 to 64 of the characters A-Z a-z 0-9 _ . - and does not start with a dot");
}

Result<std::string> join_beneath(std::string_view root, std::string_view relative) {
  std::string joined(without_trailing_slashes(root));
  std::string_view rest = relative;
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    VIBRATO_RETURN_IF_ERROR(check_name(part));
    if (joined.empty() || joined.back() != '/') {
      joined.push_back('/');
    }
    joined.append(part);
    if (slash == std::string_view::npos) {
      return joined;
    }
    rest.remove_prefix(slash + 1);
  }
}

std::string parent_of(std::string_view path) {
  path = without_trailing_slashes(path);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return ".";
  }
  const std::string_view parent = without_trailing_slashes(path.substr(0, slash));
  return parent.empty() ? "/" : std::string(parent);
}

std::string file_name_of(std::string_view path) {
  path = without_trailing_slashes(path);
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace vibrato::io
