#include "io/atomic_file.hpp"

#include <utility>
#include <vibrato/check.hpp>

#include "io/safe_path.hpp"

namespace vibrato::io {

Result<AtomicFile> AtomicFile::create(FileSystem& file_system, std::string path) {
  const std::string temporary_path = path + std::string(kTemporarySuffix);
  // Not emptied but removed: after a crash during an earlier commit, where the disk keeps the names of a folder in any
  // order, the leftover may be a second name of the very file that the path leads to.
  if (Status removed = file_system.remove_file(temporary_path);
      !removed.ok() && removed.code() != ErrorCode::kNotFound) {
    return removed;
  }
  VIBRATO_ASSIGN_OR_RETURN(auto file, file_system.open(temporary_path, OpenMode::kCreateTruncate));
  return AtomicFile(file_system, std::move(path), std::move(file));
}

Result<AtomicFile> AtomicFile::create_private(FileSystem& file_system, std::string path) {
  const std::string temporary_path = path + std::string(kTemporarySuffix);
  auto file = file_system.open(temporary_path, OpenMode::kCreateNewPrivate);
  if (!file.ok() && file.status().code() == ErrorCode::kAlreadyExists) {
    // A leftover of a crash: emptying it would keep the permissions it has.
    VIBRATO_RETURN_IF_ERROR(file_system.remove_file(temporary_path));
    file = file_system.open(temporary_path, OpenMode::kCreateNewPrivate);
  }
  VIBRATO_RETURN_IF_ERROR(file.status());
  return AtomicFile(file_system, std::move(path), std::move(file).value());
}

AtomicFile::AtomicFile(FileSystem& file_system, std::string path, std::unique_ptr<File> file)
    : file_system_(&file_system),
      path_(std::move(path)),
      temporary_path_(path_ + std::string(kTemporarySuffix)),
      file_(std::move(file)) {}

AtomicFile::~AtomicFile() {
  discard();
}

File& AtomicFile::file() {
  VIBRATO_CHECK(file_ != nullptr);
  return *file_;
}

Status AtomicFile::append(std::span<const std::byte> data) {
  VIBRATO_RETURN_IF_ERROR(file().write_at(appended_bytes_, data));
  appended_bytes_ += data.size();
  return ok_status();
}

Status AtomicFile::commit() {
  if (Status synced = file().sync(); !synced.ok()) {
    discard();
    return synced;
  }
  if (Status renamed = file_system_->rename(temporary_path_, path_); !renamed.ok()) {
    discard();
    return renamed;
  }
  file_.reset();
  return file_system_->sync_directory(parent_of(path_));
}

void AtomicFile::discard() {
  if (file_ != nullptr) {
    file_.reset();
    // A temporary file that cannot be removed does no harm: the next writer of the path overwrites it.
    (void)file_system_->remove_file(temporary_path_);
  }
}

Status write_file_atomically(FileSystem& file_system, const std::string& path, std::span<const std::byte> content) {
  VIBRATO_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(file_system, path));
  VIBRATO_RETURN_IF_ERROR(file.append(content));
  return file.commit();
}

Status write_private_file_atomically(FileSystem& file_system, const std::string& path,
                                     std::span<const std::byte> content) {
  VIBRATO_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create_private(file_system, path));
  VIBRATO_RETURN_IF_ERROR(file.append(content));
  return file.commit();
}

}  // namespace vibrato::io
