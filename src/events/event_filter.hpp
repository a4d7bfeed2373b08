// Which events a stream is about. All that is asked for must hold.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "events/event_frame.hpp"

namespace vibrato::events {

struct EventFilter {
  std::vector<std::string> types;         // One of them; empty: all.
  std::optional<std::string> key_prefix;  // Of `data.key`: events without a key are left out.
  std::optional<std::string> collection;  // Is `data.collection`: events without one are left out.
  // What the caller's key is limited to: events of other collections, or of none, are left out, and those of users,
  // whatever collection they name. nullopt: no limit.
  std::optional<std::set<std::string, std::less<>>> visible_collections;

  [[nodiscard]] bool passes(const EventFrame& frame) const;
};

}  // namespace vibrato::events
