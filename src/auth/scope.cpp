#include "auth/scope.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "io/safe_path.hpp"

namespace vibrato::auth {

Result<Scope> Scope::only(std::vector<std::string> collections) {
  // An empty list must not come to mean everything.
  if (collections.empty()) {
    return invalid_argument("collections: name at least one, or leave the list out for a key to all of them");
  }
  if (collections.size() > limits::kKeyCollectionsMax) {
    return invalid_argument("collections: " + std::to_string(collections.size()) + " are too many; at most " +
                            std::to_string(limits::kKeyCollectionsMax));
  }
  for (const std::string& collection : collections) {
    VIBRATO_RETURN_IF_ERROR(io::check_name(collection).with_context("collections"));
  }
  std::sort(collections.begin(), collections.end());
  collections.erase(std::unique(collections.begin(), collections.end()), collections.end());
  return Scope(std::move(collections));
}

bool Scope::allows(std::string_view collection) const {
  return is_everything() || std::binary_search(collections_.begin(), collections_.end(), collection, std::less<>());
}

}  // namespace vibrato::auth
