// Adds the rows of a `.vdb` file to a collection, as writes like any other: logged, then sealed into segments.
#include <fmt/format.h>
#include <functional>

#include "engine/offline.hpp"
#include "engine/patient_writes.hpp"
#include "io/safe_path.hpp"
#include "store/vdb_file.hpp"
#include "vector/point_append.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint8_t kLevelMax = 2;
constexpr std::size_t kBatchRows = 1000;

// One batch: all of its rows or none.
Status append(Database& database, const vector::CollectionPtr& collection, std::vector<vector::AppendItem>& items) {
  Status done = commit_patiently(database, Database::Kind::kPut, collection.get(), [&]() -> Result<vector::WritePtr> {
    return vector::make_append(database.vectors(), database.idempotency_keys(), collection, items,
                               std::make_shared<vector::AppendOutcome>());
  });
  items.clear();
  return done;
}

// Each row of the file as a point, checked against the settings of its collection.
Status for_each_point(const store::VdbFile& file, const vector::CollectionSettings& settings,
                      const std::function<Status(std::uint32_t row, vector::PointInput point)>& use) {
  const store::VectorRows rows = file.vectors();
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    vector::PointInput point;
    const std::span<const float> values = rows.row(row);
    point.vector.assign(values.begin(), values.end());
    VIBRATO_ASSIGN_OR_RETURN(point.meta_json, file.meta_json(row));
    VIBRATO_RETURN_IF_ERROR(vector::check_point(settings, point).with_context(fmt::format("row {}", row)));
    VIBRATO_RETURN_IF_ERROR(use(row, std::move(point)));
  }
  return ok_status();
}

Status add_rows(const OfflineContext& context, const store::VdbFile& file, Database& database,
                const vector::CollectionPtr& collection) {
  const std::uint64_t row_bytes = std::uint64_t{file.dim()} * sizeof(float);
  std::vector<vector::AppendItem> items;
  return for_each_point(file, collection->settings(), [&](std::uint32_t row, vector::PointInput point) -> Status {
    items.push_back({std::move(point), {}});
    if (items.size() < kBatchRows && row + 1 < file.rows()) {
      return ok_status();
    }
    VIBRATO_RETURN_IF_ERROR(append(database, collection, items));
    if (context.progress) {
      context.progress((row + 1) * row_bytes, file.rows() * row_bytes);
    }
    return ok_status();
  });
}

// The collection to add to: the present one, or one that is made. All rows are checked first, so that a file with a row
// that does not fit changes nothing.
Result<vector::CollectionPtr> collection_for(Database& database, const std::string& name, const store::VdbFile& file) {
  const auto present = database.vectors().find(name);
  vector::CollectionSettings settings;
  if (present.ok()) {
    settings = (*present)->settings();
  } else {
    settings.dim = file.dim();
    settings.metric = file.metric();
  }
  if (settings.dim != file.dim()) {
    return Status(ErrorCode::kDimMismatch,
                  fmt::format("collection {}: dim: expected {}, found {}", name, file.dim(), settings.dim));
  }
  VIBRATO_RETURN_IF_ERROR(
      for_each_point(file, settings, [](std::uint32_t, const vector::PointInput&) { return ok_status(); }));
  return present.ok() ? present : ensure_collection(database, name, settings);
}

// The file with the newest rows.
std::string newest_file(const vector::Collection& collection) {
  std::string file;
  Lsn newest;
  const vector::VersionPtr version = collection.read_view().version;
  for (const auto& part : version->sealed) {
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
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, collection_for(*database, collection_name, *file));
  VIBRATO_RETURN_IF_ERROR(add_rows(context, *file, *database, collection));
  VIBRATO_RETURN_IF_ERROR(database->settle_now(collection, level > 0));
  MigrateReport report;
  report.segment = newest_file(*collection);
  report.rows = file->rows();
  return report;
}

}  // namespace vibrato::engine
