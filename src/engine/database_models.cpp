// Opening the models, and which of their files a database must find.
//
// The files of state, documents and SQL are materializations: what they lack, the log has. So a file that is gone or
// damaged is made anew while the log reaches back to its begin; a damaged one is moved to the quarantine. Once the log
// was cut off that would lose data in silence, so the database does not open then, and says what to do.
//
// The catalog notes that a file was made. A catalog without the note is of a time in front of these models: of a folder
// or a snapshot of then. Nothing in the log up to there is theirs, so such a file begins where the catalog stands.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "engine/database_impl.hpp"

namespace vibrato::engine {
namespace {

constexpr std::array<std::string_view, 3> kCompanions = {"-wal", "-journal", "-shm"};
constexpr std::string_view kFileAdvice = "Put the file back as it was, or use snapshot-restore";
constexpr std::size_t kExpiredAtOnce = 1000;
constexpr std::int64_t kExpiryLookMs = 1000;

// How one file stands, before it is opened.
struct FileNeed {
  bool is_noted = false;
  bool is_there = false;
  Lsn trimmed;  // The log has nothing up to here.
};

// Moves it away with its journals, under a name that tells when.
Status put_into_quarantine(io::FileSystem& fs, const DataFolder& folder, const std::string& file, std::int64_t now_ms) {
  const std::string prefix = folder.path(kQuarantineFolder) + "/" + std::to_string(now_ms) + "-";
  VIBRATO_RETURN_IF_ERROR(fs.rename(folder.path(file), prefix + file));
  for (const std::string_view companion : kCompanions) {
    const std::string name = file + std::string(companion);
    if (fs.stat(folder.path(name)).ok()) {
      VIBRATO_RETURN_IF_ERROR(fs.rename(folder.path(name), prefix + name));
    }
  }
  VIBRATO_RETURN_IF_ERROR(fs.sync_directory(folder.path(kQuarantineFolder)));
  return fs.sync_directory(folder.root());
}

Status cannot_rebuild(const DataFolder& folder, const std::string& file, std::string_view fault, Lsn trimmed) {
  return corruption(fmt::format("{}: {}. The log, which is cut off up to LSN {}, cannot bring it back. {}",
                                folder.path(file), fault, trimmed.value(), kFileAdvice));
}

}  // namespace

// Opens one file, makes it anew where that loses nothing, and has it begin where the catalog stands if it is new.
template <typename Open>
Status Database::Impl::open_file(std::string_view name, const Open& open, bool& is_new_to_catalog) {
  const std::string file(name);
  FileNeed need;
  VIBRATO_RETURN_IF_ERROR(catalog->read([&](const catalog::Tables& tables) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const Lsn note, tables.applied.get(name, CollectionNumber()));
    VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info, tables.store.read());
    need.is_noted = note != Lsn();
    need.trimmed = info.trim_lsn;
    return ok_status();
  }));
  Status found = fs.stat(folder.path(name)).status();
  if (!found.ok() && found.code() != ErrorCode::kNotFound) {
    return found;
  }
  need.is_there = found.ok();
  is_new_to_catalog = is_new_to_catalog || !need.is_noted;
  const bool can_rebuild = need.trimmed == Lsn() && log != nullptr;
  if (!need.is_there && need.is_noted) {
    if (!can_rebuild) {
      return cannot_rebuild(folder, file, "expected the file that the catalog notes, found none", need.trimmed);
    }
    logger.warning("{} is gone, and is built anew from the log", file);
  }
  Result<commit::FileModel*> opened = open();
  if (opened.status().code() == ErrorCode::kCorruption && need.is_there) {
    if (!can_rebuild) {
      return cannot_rebuild(folder, file, opened.status().message(), need.trimmed);
    }
    logger.error("{} is damaged, was moved to {}, and is built anew from the log: {}", file, kQuarantineFolder,
                 opened.status().message());
    VIBRATO_RETURN_IF_ERROR(put_into_quarantine(fs, folder, file, clock.now_ms()));
    opened = open();
  }
  VIBRATO_RETURN_IF_ERROR(opened.status());
  commit::FileModel& model_of_file = **opened;
  if (!need.is_noted && model_of_file.durable_lsn() < durable_floor) {
    visible.publish(durable_floor);  // Nobody reads yet.
    VIBRATO_RETURN_IF_ERROR(model_of_file.save(durable_floor));
  }
  if (model_of_file.durable_lsn() < need.trimmed) {
    return cannot_rebuild(folder, file,
                          fmt::format("expected what was written up to LSN {} at least, found it up to {}",
                                      need.trimmed.value(), model_of_file.durable_lsn().value()),
                          need.trimmed);
  }
  return ok_status();
}

Status Database::Impl::open_files() {
  bool is_new_to_catalog = false;
  const auto open_one = [&](auto& model_of_file, std::string_view name, const auto& open) {
    return open_file(
        name,
        [&]() -> Result<commit::FileModel*> {
          VIBRATO_ASSIGN_OR_RETURN(model_of_file, open());
          VIBRATO_RETURN_IF_ERROR(model_of_file->load());  // Where it stands is asked before the replay.
          return static_cast<commit::FileModel*>(model_of_file.get());
        },
        is_new_to_catalog);
  };
  VIBRATO_RETURN_IF_ERROR(open_one(state_model, kStateFile, [this] {
    kv::StateModel::Options state_options;
    state_options.rows.cached_rows_bytes_max = options.state_cache_bytes;
    return kv::StateModel::open(vfs, folder.root(), visible, round_time, state_options);
  }));
  VIBRATO_RETURN_IF_ERROR(open_one(documents, kDocumentsFile, [this] {
    doc::DocumentModel::Options document_options;
    document_options.builds_by_itself = options.background_threads > 0;
    // On a full disk an index would take what is kept for deletes.
    document_options.may_build = [this] { return state == State::kRunning && disk.check().ok(); };
    return doc::DocumentModel::open(vfs, folder.root(), visible, round_time, std::move(document_options));
  }));
  VIBRATO_RETURN_IF_ERROR(open_one(sql_model, kSqlFile, [this] {
    sql::SqlModel::Options sql_options;
    sql_options.clock = &clock;
    sql_options.on_disk_full = [this] { return disk.report_full(); };
    return sql::SqlModel::open(vfs, folder.root(), visible, round_time, std::move(sql_options));
  }));
  if (is_new_to_catalog) {
    // Their names first: a note without a file would be a loss.
    VIBRATO_RETURN_IF_ERROR(fs.sync_directory(folder.root()));
    return catalog->write([](catalog::Tables& tables) -> Status {
      for (const std::string_view name : kModelFiles) {
        VIBRATO_RETURN_IF_ERROR(tables.applied.set(name, CollectionNumber(), Lsn(1)));
      }
      return ok_status();
    });
  }
  return ok_status();
}

// What is in a file was in the log. A log without it has lost its end.
void Database::Impl::check_log_reaches_files() {
  for (const commit::FileModel* const file : files->all()) {
    const Lsn saved = file->durable_lsn();
    if (log != nullptr && log_damage.ok() && saved > log->end().last_lsn) {
      log_damage = corruption(fmt::format("{}: expected a log up to LSN {}, as in {}, found one up to LSN {}",
                                          folder.path(kLogFolder), saved.value(), file->file_name(),
                                          log->end().last_lsn.value()));
    }
    if (!log_damage.ok()) {
      durable_floor = std::max(durable_floor, saved);
    }
  }
}

void Database::Impl::make_model_set() {
  event_model = std::make_unique<events::EventModel>();
  files = std::make_unique<ModelFiles>(
      std::vector<commit::FileModel*>{state_model.get(), documents.get(), sql_model.get()}, *idempotency);
  check_log_reaches_files();
  commit::Model* const all[] = {model.get(),     idempotency.get(), state_model.get(),
                                documents.get(), sql_model.get(),   event_model.get()};
  models = std::make_unique<commit::ModelSet>(all);
  event_hub = std::make_unique<events::EventHub>(
      log.get(), visible, [this] { return collection_names(); }, clock, logger);
}

// Those that the log may speak of. A collection goes from the model's into the catalog's, which keeps the name of a
// dropped one as long as the log is kept: looked for in this order, none is missed.
Result<std::map<CollectionNumber, std::string>> Database::Impl::collection_names() const {
  std::map<CollectionNumber, std::string> names;
  const auto add = [&names](const vector::CollectionPtr& collection) {
    names.emplace(collection->identity().number, collection->identity().name);
  };
  std::ranges::for_each(model->all(), add);
  const auto unsaved = model->unsaved();
  std::ranges::for_each(unsaved.created, add);
  for (const auto& dropped : unsaved.dropped) {
    add(dropped.collection);
  }
  VIBRATO_ASSIGN_OR_RETURN(auto saved,
                           catalog->read([](const catalog::Tables& tables) { return tables.collections.names(); }));
  names.merge(saved);
  return names;
}

// Keys whose time is over are hidden from then on; this deletes them, so that the event comes and the space is free.
// One write at a time.
std::int64_t Database::Impl::expire_due() {
  if (state != State::kRunning) {
    return kExpiryLookMs;
  }
  if (expiry_runs) {
    return 0;
  }
  const std::int64_t now_ms = round_time.now_ms();
  const auto next_ms = state_model->next_expiry_ms();
  if (!next_ms.has_value() || *next_ms > now_ms) {
    return next_ms.has_value() ? std::min(*next_ms - now_ms, kExpiryLookMs) : kExpiryLookMs;
  }
  std::size_t chosen = 0;
  auto write = kv::make_expiry(*state_model, now_ms, kExpiredAtOnce, chosen);
  if (!write.ok()) {
    logger.error("state: keys whose time is over are not deleted: {}", write.status().message());
    return kExpiryLookMs;
  }
  if (*write == nullptr) {
    return kExpiryLookMs;
  }
  expiry_runs = true;
  const bool may_be_more = chosen >= kExpiredAtOnce;
  const Status submitted = submit(std::move(*write), Kind::kDelete, {}, commit::Durability::kSynced,
                                  [this](const Result<commit::Committed>&) { expiry_runs = false; });
  if (!submitted.ok()) {
    expiry_runs = false;
  }
  return submitted.ok() && may_be_more ? 0 : kExpiryLookMs;
}

}  // namespace vibrato::engine
