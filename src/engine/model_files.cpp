#include "engine/model_files.hpp"

#include <algorithm>
#include <utility>

namespace vibrato::engine {
namespace {

// A file that is busy is saved the next time: nobody has to hear of it.
Status save_file(commit::FileModel& file, Lsn up_to) {
  const Status saved = file.save(up_to);
  if (saved.code() == ErrorCode::kConflict) {
    return ok_status();
  }
  return saved.ok() ? saved : saved.with_context(file.file_name());
}

}  // namespace

ModelFiles::ModelFiles(std::vector<commit::FileModel*> files, commit::IdempotencyKeys& keys)
    : files_(std::move(files)), keys_(keys) {}

Status ModelFiles::save(Lsn up_to) const {
  Status first = keys_.save(up_to);
  for (commit::FileModel* const file : files_) {
    Status saved = save_file(*file, up_to);
    if (first.ok()) {
      first = std::move(saved);
    }
  }
  return first;
}

Status ModelFiles::save_unsaved(Lsn up_to) const {
  Status first;
  for (commit::FileModel* const file : files_) {
    Status saved = file->unsaved_bytes() == 0 ? ok_status() : save_file(*file, up_to);
    if (first.ok()) {
      first = std::move(saved);
    }
  }
  return first;
}

std::uint64_t ModelFiles::unsaved_bytes() const {
  std::uint64_t bytes = 0;
  for (const commit::FileModel* const file : files_) {
    bytes += file->unsaved_bytes();
  }
  return bytes;
}

std::uint64_t ModelFiles::most_unsaved_bytes() const {
  std::uint64_t most = 0;
  for (const commit::FileModel* const file : files_) {
    most = std::max(most, file->unsaved_bytes());
  }
  return most;
}

}  // namespace vibrato::engine
