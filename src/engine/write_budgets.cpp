#include "engine/write_budgets.hpp"

namespace vibrato::engine {

WriteBudgets::WriteBudgets(const Limits& limits, const vector::VectorModel& model, const ModelFiles& files,
                           MetricsRegistry& metrics)
    : limits_(limits),
      model_(model),
      files_(files),
      soft_(metrics.counter("vibrato_ingest_backpressure_soft_total",
                            "Puts refused because too many rows of their collection are not indexed yet")),
      hard_(metrics.counter("vibrato_ingest_backpressure_hard_total",
                            "Puts refused because the memory budget is used up")) {}

Status WriteBudgets::check(const vector::Collection* collection, std::uint64_t bytes) {
  VIBRATO_RETURN_IF_ERROR(collection == nullptr ? check_files() : check_tail(*collection));
  return check_memory(bytes);
}

Status WriteBudgets::check_all(std::span<const vector::CollectionPtr> collections, std::uint64_t bytes) {
  for (const vector::CollectionPtr& collection : collections) {
    VIBRATO_RETURN_IF_ERROR(check_tail(*collection));
  }
  VIBRATO_RETURN_IF_ERROR(check_files());
  return check_memory(bytes);
}

Status WriteBudgets::check_tail(const vector::Collection& collection) {
  if (limits_.tail_bytes == 0 || collection.tail_bytes() < limits_.tail_bytes) {
    return ok_status();
  }
  soft_.add();
  return {ErrorCode::kOverloaded,
          "too many rows of the collection " + collection.identity().name + " are not indexed yet; try again later"};
}

Status WriteBudgets::check_files() {
  if (limits_.unwritten_bytes == 0) {
    return ok_status();
  }
  for (const commit::FileModel* const file : files_.all()) {
    if (file->unsaved_bytes() >= limits_.unwritten_bytes) {
      hard_.add();
      return {ErrorCode::kOverloaded,
              "too much is not yet written to " + std::string(file->file_name()) + "; try again later"};
    }
  }
  return ok_status();
}

Status WriteBudgets::check_memory(std::uint64_t bytes) {
  if (limits_.memory_bytes == 0 || has_room(bytes)) {
    return ok_status();
  }
  refresh();
  if (has_room(bytes)) {
    return ok_status();
  }
  hard_.add();
  return {ErrorCode::kOverloaded, "the memory budget for what no file holds is used up; try again later"};
}

void WriteBudgets::remove_queued(std::uint64_t bytes) {
  added_bytes_ += bytes;  // First: counting it twice for a moment is better than not at all.
  queued_bytes_ -= bytes;
}

void WriteBudgets::refresh() {
  added_bytes_ = 0;
  std::uint64_t hot_bytes = files_.unsaved_bytes();
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
