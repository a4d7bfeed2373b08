#include "engine/state_builder.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "base/metrics.hpp"
#include "engine/database.hpp"
#include "engine/file_hash.hpp"
#include "format/idempotency_record.hpp"
#include "format/vector_records.hpp"
#include "io/copy_file.hpp"
#include "io/safe_path.hpp"
#include "vector/segment_files.hpp"
#include "vector/segment_writer.hpp"
#include "wal/local_log.hpp"
#include "wal/log_copy.hpp"

namespace vibrato::engine {
namespace {

class Builder {
 public:
  Builder(const OfflineContext& context, const DatabaseOptions& options, const DataFolder& target,
          const StateSource& source, const KeptState& kept)
      : context_(context), options_(options), target_(target), source_(source), kept_(kept), vfs_(context.fs) {}

  Result<BuiltState> run() {
    VIBRATO_RETURN_IF_ERROR(context_.fs.create_directory(target_.root()));
    VIBRATO_RETURN_IF_ERROR(target_.make_folders(context_.fs));
    VIBRATO_RETURN_IF_ERROR(context_.fs.create_directory(target_.path(kLogFolder)));
    VIBRATO_RETURN_IF_ERROR(copy_catalog());
    VIBRATO_RETURN_IF_ERROR(copy_files());
    VIBRATO_RETURN_IF_ERROR(copy_segments());
    VIBRATO_RETURN_IF_ERROR(copy_the_log());
    VIBRATO_RETURN_IF_ERROR(copy_imports());
    VIBRATO_RETURN_IF_ERROR(copy_pepper());
    VIBRATO_RETURN_IF_ERROR(context_.fs.sync_directory(target_.root()));
    if (!source_.is_open_already) {
      VIBRATO_RETURN_IF_ERROR(try_it());
    }
    // The swap takes the files alone.
    VIBRATO_RETURN_IF_ERROR(finish_copies(context_.fs, target_));
    return built_;
  }

 private:
  Status copy_catalog() {
    const std::string path = target_.path(catalog::kCatalogFile);
    if (source_.snapshot_folder.empty()) {
      VIBRATO_RETURN_IF_ERROR(catalog::make_empty(vfs_, path, context_.clock));
    } else {
      const std::string from = source_.snapshot_folder + "/" + std::string(catalog::kCatalogFile);
      VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, context_.fs.stat(from));
      VIBRATO_RETURN_IF_ERROR(
          io::copy_bytes(context_.fs, from, path, info.size_bytes, io::OpenMode::kCreateNewPrivate));
    }
    VIBRATO_ASSIGN_OR_RETURN(content_, catalog::read_copy(vfs_, path, context_.clock));
    catalog::CopyEdit edit;
    edit.keys = kept_.keys;
    edit.snapshots = kept_.snapshots;
    edit.forget_jobs = !kept_.jobs;
    return catalog::edit_copy(vfs_, path, edit);
  }

  // A snapshot of a time in front of these models lacks the files, and its catalog the note of them: they begin empty.
  // That one with the note lacks none, the database sees when it is opened.
  Status copy_files() {
    if (source_.snapshot_folder.empty()) {
      return ok_status();
    }
    for (const std::string_view name : kModelFiles) {
      const std::string from = source_.snapshot_folder + "/" + std::string(name);
      const auto info = context_.fs.stat(from);
      if (info.status().code() == ErrorCode::kNotFound) {
        continue;
      }
      VIBRATO_RETURN_IF_ERROR(info.status());
      if (!info->is_regular) {
        return corruption(from + ": expected a regular file, found something else");
      }
      VIBRATO_RETURN_IF_ERROR(
          io::copy_bytes(context_.fs, from, target_.path(name), info->size_bytes, io::OpenMode::kCreateNewPrivate));
    }
    return ok_status();
  }

  // What the catalog names is the snapshot's business to have: any other name is refused, wherever it points.
  Status copy_segments() {
    std::set<std::string> files;
    for (const catalog::Segment& segment : content_.segments) {
      const std::string folder = std::string(vector::kSegmentsFolder) + "/";
      if (!segment.file.starts_with(folder) || !io::is_safe_name(segment.file.substr(folder.size()))) {
        return corruption("the catalog of " + source_.snapshot_folder + ": segments: expected files in " + folder +
                          ", found another path");
      }
      files.insert(segment.file);
    }
    for (const std::string& file : files) {
      const std::string from = source_.snapshot_folder + "/" + file;
      const auto info = context_.fs.stat(from);
      if (!info.ok() || !info->is_regular) {
        return corruption(from + ": expected a segment that the catalog names, found none");
      }
      VIBRATO_RETURN_IF_ERROR(source_.may_link
                                  ? io::link_or_copy(context_.fs, from, target_.path(file))
                                  : io::copy_bytes(context_.fs, from, target_.path(file), info->size_bytes));
    }
    return context_.fs.sync_directory(target_.path(vector::kSegmentsFolder));
  }

  Status copy_the_log() {
    wal::LogCopyRequest request;
    request.sources = source_.logs;
    request.target = target_.path(kLogFolder);
    request.after = source_.log_after.value_or(content_.store.trim_lsn);
    request.up_to = source_.up_to;
    request.high_water = source_.high_water;
    // The key of an idempotent write is logged behind it: the LSN that its client was answered is in front of the key.
    request.closing_type = format::kIdempotencyRecord;
    request.may_link = source_.may_link;
    if (request.after > request.up_to) {
      return corruption("the catalog of " + source_.snapshot_folder + ": LSN: expected at most " +
                        std::to_string(request.up_to.value()) + ", found " + std::to_string(request.after.value()));
    }
    VIBRATO_ASSIGN_OR_RETURN(const wal::LogCopyReport copied, wal::copy_log(context_.fs, request));
    built_.lsn = copied.last_lsn;
    return ok_status();
  }

  // The files of imports that the log names and the catalog does not. What is no longer there, or is another file by
  // now, may belong to a collection that was dropped since: whether it is missed, the replay says.
  Status copy_imports() {
    if (source_.data_folder.empty()) {
      return ok_status();
    }
    wal::LocalLogOptions options;
    options.read_only = true;
    VIBRATO_ASSIGN_OR_RETURN(const auto log, wal::LocalLog::open(context_.fs, target_.path(kLogFolder), options));
    if (content_.store.trim_lsn >= log->end().last_lsn) {
      return ok_status();
    }
    VIBRATO_ASSIGN_OR_RETURN(const auto cursor, log->read_from(content_.store.trim_lsn.next()));
    catalog::CopyEdit edit;
    edit.forget_jobs = false;
    while (true) {
      VIBRATO_ASSIGN_OR_RETURN(const auto record, cursor->next());
      if (!record.has_value()) {
        VIBRATO_RETURN_IF_ERROR(context_.fs.sync_directory(target_.path(vector::kSegmentsFolder)));
        return catalog::edit_copy(vfs_, target_.path(catalog::kCatalogFile), edit);
      }
      if (record->type == static_cast<std::uint16_t>(format::VectorRecord::kVectorsImported)) {
        VIBRATO_ASSIGN_OR_RETURN(const format::VectorsImported imported, format::decode_vectors_imported(record->body));
        for (const format::ImportedFile& file : imported.files) {
          edit.file_number_max =
              std::max(edit.file_number_max, vector::segment_file_number(io::file_name_of(file.file)));
          VIBRATO_RETURN_IF_ERROR(copy_import(file));
        }
      }
    }
  }

  Status copy_import(const format::ImportedFile& file) {
    const std::string name(file.file);
    VIBRATO_ASSIGN_OR_RETURN(const std::string from, io::join_beneath(source_.data_folder, name));
    VIBRATO_ASSIGN_OR_RETURN(const std::string to, io::join_beneath(target_.root(), name));
    const auto present = context_.fs.stat(from);
    if (!present.ok() || present->size_bytes != file.bytes || context_.fs.stat(to).ok()) {
      return ok_status();
    }
    VIBRATO_ASSIGN_OR_RETURN(const FileDigest digest, hash_file(context_.fs, from, file.bytes));
    return digest == file.sha256 ? io::link_or_copy(context_.fs, from, to) : ok_status();
  }

  Status copy_pepper() {
    const std::string own = source_.snapshot_folder + "/" + std::string(kPepperFile);
    const std::string& from = kept_.pepper_file.empty() ? own : kept_.pepper_file;
    const auto info = context_.fs.stat(from);
    if (info.status().code() == ErrorCode::kNotFound) {
      return ok_status();
    }
    VIBRATO_RETURN_IF_ERROR(info.status());
    return io::copy_bytes(context_.fs, from, target_.path(kPepperFile), info->size_bytes,
                          io::OpenMode::kCreateNewPrivate);
  }

  // As a server would; what does not open here must not be swapped in.
  Status try_it() {
    DatabaseOptions options = options_;
    options.data_folder = target_.root();
    options.disk_reserve_bytes = 0;
    options.background_threads = 0;
    options.is_in_place = false;
    // The log is what was asked for: a server that serves the folder may cut it.
    options.wal_max_bytes = std::numeric_limits<std::uint64_t>::max();
    options.wal_retain_bytes = options.wal_max_bytes;
    MetricsRegistry metrics;
    VIBRATO_ASSIGN_OR_RETURN(const auto database,
                             Database::open(context_.fs, options, context_.clock, context_.logger, metrics));
    VIBRATO_RETURN_IF_ERROR(database->start());
    if (const Readiness readiness = database->readiness(); !readiness.ready) {
      return corruption("the state that was built is damaged: " + readiness.reasons.front());
    }
    if (database->visible_lsn() != built_.lsn) {
      return corruption("the state that was built: LSN: expected " + std::to_string(built_.lsn.value()) + ", found " +
                        std::to_string(database->visible_lsn().value()));
    }
    built_.collections = database->vectors().all().size();
    database->stop();
    return ok_status();
  }

  const OfflineContext& context_;
  const DatabaseOptions& options_;
  const DataFolder& target_;
  const StateSource& source_;
  const KeptState& kept_;
  sqlite::Vfs vfs_;
  catalog::CopyContent content_;
  BuiltState built_;
};

}  // namespace

Result<BuiltState> build_state(const OfflineContext& context, const DatabaseOptions& options, const DataFolder& target,
                               const StateSource& source, const KeptState& kept) {
  auto built = Builder(context, options, target, source, kept).run();
  if (!built.ok()) {
    static_cast<void>(remove_tree(context.fs, target.root()));
  }
  return built;
}

}  // namespace vibrato::engine
