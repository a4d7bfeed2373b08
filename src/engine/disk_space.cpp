// Room again means: the reserve fits once more, and a margin beside it. So the first writes afterwards do not end in
// the same state at once.
#include "engine/disk_space.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/data_folder.hpp"

namespace vibrato::engine {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1024} * 1024;

}  // namespace

DiskSpace::DiskSpace(io::FileSystem& fs, std::string folder, std::uint64_t reserve_bytes, const Logger& logger)
    : fs_(fs), folder_(std::move(folder)), reserve_bytes_(reserve_bytes), logger_(logger) {}

void DiskSpace::prepare() {
  const std::lock_guard lock(mutex_);
  const auto found = fs_.stat(DataFolder(folder_).path(kReserveFile));
  has_reserve_ = found.ok() && found->is_regular && found->size_bytes == reserve_bytes_;
  if (has_reserve_) {
    const auto free = fs_.free_bytes(folder_);
    // An eighth of the reserve is more than what a start writes.
    if (free.ok() && *free < reserve_bytes_ / 8) {
      full_ = true;
      static_cast<void>(release_reserve());
    }
    return;
  }
  const Status made = make_reserve();
  if (made.code() == ErrorCode::kDiskFull) {
    full_ = true;
  }
  if (!made.ok()) {
    logger_.warning("there is no disk reserve: {}", made.message());
  }
}

bool DiskSpace::report_full() {
  const std::lock_guard lock(mutex_);
  if (!full_.exchange(true)) {
    logger_.error("the disk of {} is full: puts are refused until there is room; deletes go on", folder_);
  }
  return release_reserve();
}

void DiskSpace::probe() {
  const std::lock_guard lock(mutex_);
  if (!full_ && has_reserve()) {
    return;
  }
  const auto free = fs_.free_bytes(folder_);
  if (!free.ok() || *free < room_bytes()) {
    return;  // The next call may find more.
  }
  if (!has_reserve() && !make_reserve().ok()) {
    return;
  }
  if (full_.exchange(false)) {
    logger_.info("there is room on the disk of {} again: puts are taken", folder_);
  }
}

std::uint64_t DiskSpace::free_bytes() const {
  const auto free = fs_.free_bytes(folder_);
  return free.ok() ? *free : 0;
}

std::uint64_t DiskSpace::room_bytes() const {
  return kDiskMarginBytes + (has_reserve() ? 0 : reserve_bytes_);
}

Status DiskSpace::check() const {
  if (!is_full()) {
    return ok_status();
  }
  return {ErrorCode::kDiskFull, "the disk is full: only deletes are taken until there is room"};
}

Status DiskSpace::make_reserve() {
  if (reserve_bytes_ == 0) {
    return ok_status();
  }
  const std::string path = DataFolder(folder_).path(kReserveFile);
  const auto write = [&]() -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const auto file, fs_.open(path, io::OpenMode::kCreateTruncate));
    // Not zeros: a file system might not allocate those.
    std::vector<std::byte> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, reserve_bytes_)));
    std::uint64_t state = 0x9e3779b97f4a7c15U;
    for (std::byte& byte : chunk) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::byte>(state >> 56U);
    }
    for (std::uint64_t at = 0; at < reserve_bytes_; at += chunk.size()) {
      const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), reserve_bytes_ - at));
      VIBRATO_RETURN_IF_ERROR(file->write_at(at, std::span(chunk).first(left)));
    }
    return file->sync();
  };
  Status written = write();
  if (!written.ok()) {
    static_cast<void>(fs_.remove_file(path));
    return written;
  }
  has_reserve_ = true;
  return ok_status();
}

bool DiskSpace::release_reserve() {
  if (!has_reserve_) {
    return false;
  }
  has_reserve_ = false;
  const Status removed = fs_.remove_file(DataFolder(folder_).path(kReserveFile));
  if (!removed.ok()) {
    logger_.error("the disk reserve cannot be given up: {}", removed.message());
  }
  return removed.ok();
}

}  // namespace vibrato::engine
