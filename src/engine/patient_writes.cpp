#include "engine/patient_writes.hpp"

#include <chrono>
#include <thread>

namespace vibrato::engine {
namespace {

constexpr std::size_t kBatchItems = 1000;
constexpr std::size_t kBatchBytes = std::size_t{4} * 1024 * 1024;
constexpr auto kPauseWhenFull = std::chrono::milliseconds(20);

Status first_error(const std::vector<Status>& items) {
  for (const Status& item : items) {
    VIBRATO_RETURN_IF_ERROR(item);
  }
  return ok_status();
}

}  // namespace

Status commit_patiently(Database& database, Database::Kind kind, const vector::Collection* collection,
                        const std::function<Result<vector::WritePtr>()>& make) {
  while (true) {
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write, make());
    const auto done = database.commit(std::move(write), kind, collection);
    if (done.status().code() != ErrorCode::kOverloaded) {
      return done.status();
    }
    std::this_thread::sleep_for(kPauseWhenFull);
  }
}

Status PatientWrites::put(vector::PointInput point) {
  points_bytes_ += point.vector.size() * sizeof(float) + point.meta_json.size();
  points_.push_back(std::move(point));
  ++puts_;
  return points_.size() >= kBatchItems || points_bytes_ >= kBatchBytes ? flush_puts() : ok_status();
}

Status PatientWrites::remove(PointId id) {
  ids_.push_back(std::move(id));
  ++removals_;
  return ids_.size() >= kBatchItems ? flush_removals() : ok_status();
}

Status PatientWrites::flush() {
  VIBRATO_RETURN_IF_ERROR(flush_removals());
  return flush_puts();
}

Status PatientWrites::flush_puts() {
  if (points_.empty()) {
    return ok_status();
  }
  const auto outcome = std::make_shared<vector::BatchOutcome>();
  VIBRATO_RETURN_IF_ERROR(
      commit_patiently(database_, Database::Kind::kPut, collection_.get(), [&]() -> Result<vector::WritePtr> {
        outcome->items.clear();
        return vector::make_upsert_batch(database_.vectors(), collection_, points_, outcome);
      }));
  points_.clear();
  points_bytes_ = 0;
  return first_error(outcome->items);
}

Status PatientWrites::flush_removals() {
  if (ids_.empty()) {
    return ok_status();
  }
  const auto outcome = std::make_shared<vector::BatchOutcome>();
  VIBRATO_RETURN_IF_ERROR(
      commit_patiently(database_, Database::Kind::kDelete, collection_.get(), [&]() -> Result<vector::WritePtr> {
        outcome->items.clear();
        return vector::make_delete_batch(database_.vectors(), collection_, ids_, outcome);
      }));
  ids_.clear();
  return first_error(outcome->items);
}

Result<vector::CollectionPtr> ensure_collection(Database& database, const std::string& name,
                                                const vector::CollectionSettings& settings) {
  VIBRATO_RETURN_IF_ERROR(vector::check_settings(settings));
  const auto outcome = std::make_shared<vector::CreateOutcome>();
  VIBRATO_RETURN_IF_ERROR(
      commit_patiently(database, Database::Kind::kAdmin, nullptr, [&]() -> Result<vector::WritePtr> {
        return vector::make_create_collection(database.vectors(), name, settings, outcome);
      }));
  return database.vectors().find(name);
}

Status visit_points(const vector::Collection& collection,
                    const std::function<Status(const vector::Segment& segment, std::uint32_t row)>& visit) {
  const vector::ReadView view = collection.read_view();
  Status failed;
  view.version->for_each_newest_first([&](const std::shared_ptr<const vector::Segment>& segment) {
    for (std::uint32_t row = 0; row < segment->row_count() && failed.ok(); ++row) {
      if (segment->is_alive(row, view.visible)) {
        failed = visit(*segment, row);
      }
    }
    return failed.ok();
  });
  return failed;
}

}  // namespace vibrato::engine
