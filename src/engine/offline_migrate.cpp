// Adds the rows of a `.vdb` file to a collection, as writes like any other: logged, then sealed into segments.
#include <fmt/format.h>

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
  const Status done =
      commit_patiently(database, Database::Kind::kPut, collection.get(), [&]() -> Result<vector::WritePtr> {
        return vector::make_append(database.vectors(), database.idempotency_keys(), collection, items,
                                   std::make_shared<vector::AppendOutcome>());
      });
  items.clear();
  return done;
}

Status add_rows(const OfflineContext& context, const store::VdbFile& file, Database& database,
                const vector::CollectionPtr& collection) {
  const store::VectorRows rows = file.vectors();
  std::vector<vector::AppendItem> items;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    vector::PointInput point;
    const std::span<const float> values = rows.row(row);
    point.vector.assign(values.begin(), values.end());
    VIBRATO_ASSIGN_OR_RETURN(point.meta_json, file.meta_json(row));
    VIBRATO_RETURN_IF_ERROR(
        vector::check_point(collection->settings(), point).with_context(fmt::format("row {}", row)));
    items.push_back({std::move(point), {}});
    if (items.size() == kBatchRows || row + 1 == rows.rows) {
      VIBRATO_RETURN_IF_ERROR(append(database, collection, items));
      if (context.progress) {
        context.progress(std::uint64_t{row + 1} * rows.dim * sizeof(float),
                         std::uint64_t{rows.rows} * rows.dim * sizeof(float));
      }
    }
  }
  return ok_status();
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
  VIBRATO_RETURN_IF_ERROR(add_rows(context, *file, *database, *collection));
  VIBRATO_RETURN_IF_ERROR(database->settle_now(*collection, level > 0));
  MigrateReport report;
  report.segment = newest_file(**collection);
  report.rows = file->rows();
  return report;
}

}  // namespace vibrato::engine
