// Writes of a command that has all the time: waits where a server would answer "try again later".
#pragma once

#include <memory>
#include <vector>
#include <vibrato/result.hpp>

#include "engine/database.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::engine {

// Collects points of one collection into batches. Thread-safety: one thread at a time.
class PatientWrites {
 public:
  // `database` runs, and outlives it.
  PatientWrites(Database& database, vector::CollectionPtr collection)
      : database_(database), collection_(std::move(collection)) {}

  // Errors: those of the points and of the writes; kIoError and the like end the command.
  [[nodiscard]] Status put(vector::PointInput point);
  [[nodiscard]] Status remove(PointId id);
  // What is collected. To be called at the end.
  [[nodiscard]] Status flush();

  [[nodiscard]] std::uint64_t puts() const { return puts_; }
  [[nodiscard]] std::uint64_t removals() const { return removals_; }

 private:
  [[nodiscard]] Status flush_puts();
  [[nodiscard]] Status flush_removals();

  Database& database_;
  vector::CollectionPtr collection_;
  std::vector<vector::PointInput> points_;
  std::size_t points_bytes_ = 0;
  std::vector<PointId> ids_;
  std::uint64_t puts_ = 0;
  std::uint64_t removals_ = 0;
};

// Commits what `make` makes, again and again while the database has no room for it.
[[nodiscard]] Status commit_patiently(Database& database, Database::Kind kind, const vector::Collection* collection,
                                      const std::function<Result<vector::WritePtr>()>& make);

// Finds or makes the collection. kAlreadyExists when it is there with other settings.
[[nodiscard]] Result<vector::CollectionPtr> ensure_collection(Database& database, const std::string& name,
                                                              const vector::CollectionSettings& settings);

// Calls `visit` for every row of the collection that a reader sees now, with the segment that keeps it.
[[nodiscard]] Status visit_points(
    const vector::Collection& collection,
    const std::function<Status(const vector::Segment& segment, std::uint32_t row)>& visit);

}  // namespace vibrato::engine
