#include "events/event_filter.hpp"

#include <algorithm>

namespace vibrato::events {

bool EventFilter::passes(const EventFrame& frame) const {
  if (!types.empty() && std::ranges::find(types, frame.type) == types.end()) {
    return false;
  }
  if (key_prefix.has_value() && !(frame.key.has_value() && frame.key->starts_with(*key_prefix))) {
    return false;
  }
  if (collection.has_value() && frame.collection != collection) {
    return false;
  }
  return !visible_collections.has_value() ||
         (!frame.is_users && frame.collection.has_value() && visible_collections->contains(*frame.collection));
}

}  // namespace vibrato::events
