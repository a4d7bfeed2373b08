#include "engine/snapshot_writer.hpp"

#include <algorithm>
#include <set>

#include "engine/file_hash.hpp"
#include "io/atomic_file.hpp"
#include "io/copy_file.hpp"
#include "io/safe_path.hpp"
#include "vector/merge_parts.hpp"
#include "vector/segment_writer.hpp"
#include "wal/log_copy.hpp"

namespace vibrato::engine {

Result<SnapshotReport> SnapshotWriter::run() {
  const std::string parent = parts_.folder.path(kSnapshotsFolder);
  report_.name = name_;
  report_.folder = parent + "/" + name_;
  report_.lsn = capture_.lsn;
  partial_ = parts_.folder.partial_snapshot(name_);
  if (parts_.fs.stat(report_.folder).ok()) {
    return Status(ErrorCode::kAlreadyExists, "there is a snapshot " + name_ + " already");
  }
  VIBRATO_RETURN_IF_ERROR(remove_tree(parts_.fs, partial_));
  Status done = write_files();
  if (done.ok()) {
    done = publish();
  }
  if (!done.ok()) {
    static_cast<void>(remove_tree(parts_.fs, partial_));
    return done;
  }
  return report_;
}

Status SnapshotWriter::write_files() {
  for (const std::string& folder : {partial_, partial_ + "/wal", partial_ + "/segments"}) {
    VIBRATO_RETURN_IF_ERROR(parts_.fs.create_directory(folder));
  }
  // Durable before it is renamed: a disk that keeps the two changes in another order would give the folder both names,
  // and the next start removes what has the first one.
  VIBRATO_RETURN_IF_ERROR(parts_.fs.sync_directory(parts_.folder.path(kSnapshotsFolder)));
  VIBRATO_RETURN_IF_ERROR(copy_files());  // First: their journals grow while they are held.
  VIBRATO_RETURN_IF_ERROR(link_segments());
  VIBRATO_RETURN_IF_ERROR(copy_the_log());
  VIBRATO_RETURN_IF_ERROR(copy_catalog());
  VIBRATO_RETURN_IF_ERROR(copy_pepper());
  for (const std::string& folder : {partial_ + "/wal", partial_ + "/segments", partial_}) {
    VIBRATO_RETURN_IF_ERROR(parts_.fs.sync_directory(folder));
  }
  return write_manifest();
}

Status SnapshotWriter::copy_files() {
  for (const CapturedFile& file : capture_.files) {
    VIBRATO_RETURN_IF_ERROR(parts_.keep_going());
    const std::string path = partial_ + "/" + file.name;
    VIBRATO_RETURN_IF_ERROR(file.content->copy_to(path));
    VIBRATO_RETURN_IF_ERROR(catalog::finish_copy(parts_.fs, path));
    add(file.name);
  }
  capture_.files.clear();
  return ok_status();
}

Status SnapshotWriter::copy_catalog() {
  const std::string path = partial_ + "/" + std::string(catalog::kCatalogFile);
  VIBRATO_RETURN_IF_ERROR(parts_.catalog.backup_to(path));
  catalog::CopyEdit edit;
  edit.vectors = vector_state(capture_);
  edit.snapshots.emplace();
  VIBRATO_RETURN_IF_ERROR(catalog::edit_copy(parts_.vfs, path, edit));
  add(std::string(catalog::kCatalogFile));
  return ok_status();
}

// The parts are open, so their files are there; small collections share some. A damaged one would spoil the snapshot.
Status SnapshotWriter::link_segments() {
  std::set<std::string> files;
  for (const CapturedCollection& captured : capture_.collections) {
    for (const auto& part : captured.version->sealed) {
      VIBRATO_RETURN_IF_ERROR(parts_.keep_going());
      const Status whole = vector::verify_part(*part, parts_.keep_going);
      part->report(whole);
      VIBRATO_RETURN_IF_ERROR(whole);
      files.insert(part->entry().file);
      ++report_.segments;
    }
  }
  for (const std::string& file : files) {
    VIBRATO_RETURN_IF_ERROR(parts_.keep_going());
    VIBRATO_RETURN_IF_ERROR(io::link_or_copy(parts_.fs, parts_.folder.path(file), partial_ + "/" + file));
    add(file);
  }
  return ok_status();
}

Status SnapshotWriter::copy_the_log() {
  wal::LogCopyRequest request;
  request.sources.push_back(parts_.folder.path(kLogFolder));
  request.target = partial_ + "/" + std::string(kLogFolder);
  request.after = capture_.log_after;
  request.up_to = capture_.lsn;
  request.high_water = capture_.lsn;
  VIBRATO_ASSIGN_OR_RETURN(const wal::LogCopyReport copied, wal::copy_log(parts_.fs, request));
  if (copied.last_lsn != capture_.lsn) {
    return corruption(request.sources.front() + ": expected the record " + std::to_string(capture_.lsn.value()) +
                      ", found the last one at " + std::to_string(copied.last_lsn.value()));
  }
  for (const std::string& file : copied.files) {
    add(std::string(kLogFolder) + "/" + file);
  }
  return ok_status();
}

// Without the file the pepper came with the environment, and must do so after a restore.
Status SnapshotWriter::copy_pepper() {
  const auto info = parts_.fs.stat(parts_.folder.path(kPepperFile));
  if (info.status().code() == ErrorCode::kNotFound) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(info.status());
  add(std::string(kPepperFile));
  return io::copy_bytes(parts_.fs, parts_.folder.path(kPepperFile), partial_ + "/" + std::string(kPepperFile),
                        info->size_bytes, io::OpenMode::kCreateNewPrivate);
}

Status SnapshotWriter::write_manifest() {
  format::SnapshotManifest manifest;
  manifest.name = name_;
  manifest.lsn = capture_.lsn;
  created_at_ms_ = parts_.clock.now_ms();
  manifest.created_at_ms = created_at_ms_;
  manifest.collections = capture_.collection_count;
  std::sort(files_.begin(), files_.end());
  for (const std::string& path : files_) {
    VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, parts_.fs.stat(partial_ + "/" + path));
    VIBRATO_ASSIGN_OR_RETURN(const FileDigest digest, hash_file(parts_.fs, partial_ + "/" + path, info.size_bytes,
                                                                [this](std::uint64_t) { return parts_.keep_going(); }));
    manifest.files.push_back({path, info.size_bytes, digest});
    report_.bytes += info.size_bytes;
  }
  const std::string text = format::encode_manifest(manifest);
  return io::write_file_atomically(parts_.fs, partial_ + "/" + std::string(format::kManifestFile),
                                   std::as_bytes(std::span(text)));
}

Status SnapshotWriter::publish() {
  VIBRATO_RETURN_IF_ERROR(parts_.keep_going());
  VIBRATO_RETURN_IF_ERROR(parts_.fs.rename(partial_, report_.folder));
  VIBRATO_RETURN_IF_ERROR(parts_.fs.sync_directory(parts_.folder.path(kSnapshotsFolder)));
  catalog::Snapshot row;
  row.name = name_;
  row.folder = std::string(kSnapshotsFolder) + "/" + name_;
  row.lsn = capture_.lsn;
  row.created_at_ms = created_at_ms_;
  row.bytes = report_.bytes;
  Status inserted = parts_.catalog.write([&](catalog::Tables& tables) { return tables.snapshots.insert(row); });
  if (!inserted.ok()) {
    static_cast<void>(take_back());
  }
  return inserted;
}

// What has a name is whole at any moment: it loses the name first.
Status SnapshotWriter::take_back() {
  VIBRATO_RETURN_IF_ERROR(parts_.fs.rename(report_.folder, partial_));
  VIBRATO_RETURN_IF_ERROR(parts_.fs.sync_directory(parts_.folder.path(kSnapshotsFolder)));
  return remove_tree(parts_.fs, partial_);
}

}  // namespace vibrato::engine
