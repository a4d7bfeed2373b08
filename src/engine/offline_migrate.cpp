// Adds the rows of a `.vdb` file to a collection, as writes like any other: logged, then sealed into segments. They go
// to a copy of the database, which is swapped in with a note of the migration: after a crash all rows are there and the
// note, or none of them.
#include <fmt/format.h>
#include <functional>

#include "engine/file_hash.hpp"
#include "engine/migration_note.hpp"
#include "engine/offline.hpp"
#include "engine/patient_writes.hpp"
#include "engine/whole_change.hpp"
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

// Of the present collection, or of the one that will be made. All rows are checked, so that a file with a row that does
// not fit changes nothing.
Result<vector::CollectionSettings> fitting_settings(Database& database, const std::string& name,
                                                    const store::VdbFile& file) {
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
  return settings;
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

Result<std::string> hash_of(const OfflineContext& context, const std::string& input) {
  VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, context.fs.stat(input));
  VIBRATO_ASSIGN_OR_RETURN(const FileDigest digest, hash_file(context.fs, input, info.size_bytes));
  std::string text;
  for (const std::byte byte : digest) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

// A note of a migration that was told is for readers of the jobs only.
void note_told(const OfflineContext& context, const Status& noted) {
  if (!noted.ok()) {
    context.logger.warning("that the migration was told is not noted; the next of the same file adds nothing: {}",
                           noted.message());
  }
}

// Adds the rows to the copy, with the note that comes with them.
Result<MigrationNote> add_to_copy(const OfflineContext& context, const WholeChange& change,
                                  const MigrateRequest& request, const store::VdbFile& file,
                                  const vector::CollectionSettings& settings, const std::string& input_sha256) {
  MetricsRegistry metrics;
  VIBRATO_ASSIGN_OR_RETURN(const auto database, change.open(metrics));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           ensure_collection(*database, request.collection, settings));
  VIBRATO_RETURN_IF_ERROR(add_rows(context, file, *database, collection));
  VIBRATO_RETURN_IF_ERROR(database->settle_now(collection, request.level > 0));
  MigrationNote note;
  note.job_id = fmt::format("migrate_{}", database->visible_lsn().value());
  note.collection = request.collection;
  note.collection_number = collection->identity().number;
  note.input_sha256 = input_sha256;
  note.report.segment = newest_file(*collection);
  note.report.rows = file.rows();
  VIBRATO_RETURN_IF_ERROR(note_migration(database->catalog(), context.clock, note));
  database->stop();
  return note;
}

Result<std::unique_ptr<store::VdbFile>> open_input(const OfflineContext& context, const MigrateRequest& request) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(request.collection));
  if (request.level > kLevelMax) {
    return invalid_argument(fmt::format("level: must be 0 to {}", kLevelMax));
  }
  VIBRATO_ASSIGN_OR_RETURN(auto file, store::VdbFile::open(context.fs, request.input));
  if (file->dim() != request.dim) {
    return Status(ErrorCode::kDimMismatch,
                  fmt::format("{}: dim: expected {}, found {}", request.input, request.dim, file->dim()));
  }
  VIBRATO_RETURN_IF_ERROR(file->verify().status());
  return file;
}

}  // namespace

Status migrate_vdb(const OfflineContext& context, const DatabaseOptions& options, const MigrateRequest& request,
                   const std::function<void(const MigrateReport&)>& tell) {
  VIBRATO_ASSIGN_OR_RETURN(const auto file, open_input(context, request));
  VIBRATO_ASSIGN_OR_RETURN(const std::string input_sha256, hash_of(context, request.input));
  vector::CollectionSettings settings;
  bool is_done = false;
  const auto look = [&](Database& database) -> Status {
    const auto present = database.vectors().find(request.collection);
    if (present.ok()) {
      const CollectionNumber number = (*present)->identity().number;
      VIBRATO_ASSIGN_OR_RETURN(const auto note, find_untold_migration(database.catalog(), input_sha256, number));
      if (note.has_value()) {
        is_done = true;
        tell(note->report);
        note_told(context, note_as_told(database.catalog(), note->job_id));
        return ok_status();
      }
    }
    VIBRATO_ASSIGN_OR_RETURN(settings, fitting_settings(database, request.collection, *file));
    return ok_status();
  };
  VIBRATO_ASSIGN_OR_RETURN(const Lsn last, look_at_database(context, options, look));
  if (is_done) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto change, WholeChange::begin(context, options, last));
  VIBRATO_ASSIGN_OR_RETURN(const MigrationNote note,
                           add_to_copy(context, *change, request, *file, settings, input_sha256));
  VIBRATO_RETURN_IF_ERROR(change->finish());
  tell(note.report);
  sqlite::Vfs vfs(context.fs);
  const auto catalog = catalog::Catalog::open(vfs, options.data_folder, context.clock);
  note_told(context, catalog.ok() ? note_as_told(**catalog, note.job_id) : catalog.status());
  return ok_status();
}

}  // namespace vibrato::engine
