#include "events/event_frame.hpp"

#include <algorithm>
#include <array>

namespace vibrato::events {
namespace {

constexpr std::array<std::string_view, 13> kSystemTypes = {"state_updated",
                                                           "state_deleted",
                                                           "vector_collection_created",
                                                           "vector_collection_deleted",
                                                           "vector_added",
                                                           "vector_upserted",
                                                           "vector_updated",
                                                           "vector_deleted",
                                                           "vectors_imported",
                                                           "doc_put",
                                                           "doc_deleted",
                                                           "sql_executed",
                                                           "gap"};

}  // namespace

bool is_system_event_type(std::string_view type) {
  return std::ranges::find(kSystemTypes, type) != kSystemTypes.end();
}

}  // namespace vibrato::events
