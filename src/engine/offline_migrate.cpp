// Adds the rows of a `.vdb` file to a collection, as writes like any other: logged, then sealed into segments.
#include <algorithm>
#include <fmt/format.h>

#include "engine/offline.hpp"
#include "engine/patient_writes.hpp"
#include "io/safe_path.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint8_t kLevelMax = 2;
constexpr std::uint32_t kProgressRows = 10'000;

// Behind every number that an alive point has.
Result<std::uint64_t> next_id(const vector::Collection& collection) {
  std::uint64_t next = 0;
  const Status visited = visit_points(collection, [&](const vector::Segment& segment, std::uint32_t row) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment.id(row));
    if (!id.is_text && id.number < UINT64_MAX) {
      next = std::max(next, id.number + 1);
    }
    return ok_status();
  });
  return visited.ok() ? Result<std::uint64_t>(next) : visited;
}

Status add_rows(const OfflineContext& context, const store::VdbFile& file, std::uint64_t first_id,
                PatientWrites& writes) {
  if (first_id > UINT64_MAX - file.rows()) {
    return invalid_argument("the collection has no ids left");
  }
  const store::VectorRows rows = file.vectors();
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    vector::PointInput point;
    point.id = PointId(first_id + row);
    const std::span<const float> values = rows.row(row);
    point.vector.assign(values.begin(), values.end());
    VIBRATO_ASSIGN_OR_RETURN(point.meta_json, file.meta_json(row));
    VIBRATO_RETURN_IF_ERROR(writes.put(std::move(point)));
    if (context.progress && (row + 1) % kProgressRows == 0) {
      context.progress(std::uint64_t{row + 1} * rows.dim * sizeof(float),
                       std::uint64_t{rows.rows} * rows.dim * sizeof(float));
    }
  }
  return writes.flush();
}

// The file with the newest rows.
std::string newest_file(const vector::Collection& collection) {
  std::string file;
  Lsn newest;
  for (const auto& part : collection.read_view().version->sealed) {
    if (part->last_lsn() >= newest) {
      newest = part->last_lsn();
      file = part->entry().file;
    }
  }
  return file;
}

}  // namespace

Result<MigrateReport> migrate_vdb(const OfflineContext& context, const DatabaseOptions& options,
                                  const std::string& input, const std::string& collection_name, std::uint32_t dim,
                                  std::uint8_t level) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(collection_name));
  if (level > kLevelMax) {
    return invalid_argument(fmt::format("level: must be 0 to {}", kLevelMax));
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto file, store::VdbFile::open(context.fs, input));
  if (file->dim() != dim) {
    return Status(ErrorCode::kDimMismatch, fmt::format("{}: dim: expected {}, found {}", input, dim, file->dim()));
  }
  VIBRATO_RETURN_IF_ERROR(file->verify().status());
  MetricsRegistry metrics;
  VIBRATO_ASSIGN_OR_RETURN(const auto database,
                           Database::open(context.fs, options, context.clock, context.logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  auto collection = database->vectors().find(collection_name);
  if (!collection.ok()) {
    vector::CollectionSettings settings;
    settings.dim = dim;
    settings.metric = file->metric();
    collection = ensure_collection(*database, collection_name, settings);
  }
  VIBRATO_RETURN_IF_ERROR(collection.status());
  if ((*collection)->settings().dim != dim) {
    return Status(ErrorCode::kDimMismatch, fmt::format("collection {}: dim: expected {}, found {}", collection_name,
                                                       dim, (*collection)->settings().dim));
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t first_id, next_id(**collection));
  PatientWrites writes(*database, *collection);
  VIBRATO_RETURN_IF_ERROR(add_rows(context, *file, first_id, writes));
  VIBRATO_RETURN_IF_ERROR(database->settle_now(*collection, level > 0));
  MigrateReport report;
  report.segment = newest_file(**collection);
  report.rows = file->rows();
  return report;
}

}  // namespace vibrato::engine
