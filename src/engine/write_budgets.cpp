#include "engine/write_budgets.hpp"

namespace vibrato::engine {

WriteBudgets::WriteBudgets(const Limits& limits, const vector::VectorModel& model, MetricsRegistry& metrics)
    : limits_(limits),
      model_(model),
      soft_(metrics.counter("vibrato_ingest_backpressure_soft_total",
                            "Puts refused because too many rows of their collection are not indexed yet")),
      hard_(metrics.counter("vibrato_ingest_backpressure_hard_total",
                            "Puts refused because the memory budget is used up")) {}

Status WriteBudgets::check(const vector::Collection* collection, std::uint64_t bytes) {
  if (collection != nullptr && limits_.tail_bytes != 0 && collection->tail_bytes() >= limits_.tail_bytes) {
    soft_.add();
    return {ErrorCode::kOverloaded,
            "too many rows of the collection " + collection->identity().name + " are not indexed yet; try again later"};
  }
  if (limits_.memory_bytes == 0 || has_room(bytes)) {
    return ok_status();
  }
  refresh();
  if (has_room(bytes)) {
    return ok_status();
  }
  hard_.add();
  return {ErrorCode::kOverloaded, "the memory budget for rows that no file holds is used up; try again later"};
}

void WriteBudgets::remove_queued(std::uint64_t bytes) {
  added_bytes_ += bytes;  // First: counting it twice for a moment is better than not at all.
  queued_bytes_ -= bytes;
}

void WriteBudgets::refresh() {
  added_bytes_ = 0;
  std::uint64_t hot_bytes = 0;
  for (const vector::CollectionPtr& collection : model_.all()) {
    hot_bytes += collection->hot_bytes();
  }
  hot_bytes_ = hot_bytes;
}

std::uint64_t WriteBudgets::used_bytes() const {
  return hot_bytes_.load() + added_bytes_.load() + queued_bytes_.load();
}

bool WriteBudgets::is_tight() const {
  return limits_.memory_bytes != 0 && used_bytes() >= limits_.memory_bytes / 4 * 3;
}

bool WriteBudgets::has_room(std::uint64_t bytes) const {
  return used_bytes() + bytes <= limits_.memory_bytes;
}

}  // namespace vibrato::engine
