#include "events/collection_names.hpp"

#include <utility>

namespace vibrato::events {

Result<std::string> CollectionNames::find(CollectionNumber number) {
  const std::lock_guard lock(mutex_);
  if (const auto known = names_.find(number); known != names_.end()) {
    return known->second;
  }
  VIBRATO_ASSIGN_OR_RETURN(auto names, source_());
  names_ = std::move(names);
  const auto [place, is_unknown] = names_.try_emplace(number, "#" + std::to_string(number.value()));
  return place->second;
}

}  // namespace vibrato::events
