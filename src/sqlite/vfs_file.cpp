#include "sqlite/vfs_file.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>

#include "io/safe_path.hpp"

namespace vibrato::sqlite {
namespace {

constexpr int kSectorBytes = 4096;

VfsFile& self(sqlite3_file* file) {
  return *static_cast<VfsFile*>(file);
}

// Notes `error` and answers SQLITE_FULL for a full disk, `code` otherwise.
int failed(const VfsFile& file, const Status& error, int code) {
  file.state->note_error(error);
  return error.code() == ErrorCode::kDiskFull ? SQLITE_FULL : code;
}

// SQLITE_OK if the file may be changed.
int check_writable(const VfsFile& file, int code) {
  if (!file.file) {
    return SQLITE_READONLY;
  }
  const Status poison = file.state->check_not_poisoned();
  if (poison.ok()) {
    return SQLITE_OK;
  }
  file.state->note_refusal(poison);
  return code;
}

int close(sqlite3_file* handle) noexcept {
  VfsFile& file = self(handle);
  file.state->shared_memory().leave(file.shared_memory);
  file.state->locks().release(file.lock, LockLevel::kNone);
  file.~VfsFile();
  return SQLITE_OK;
}

int read(sqlite3_file* handle, void* out, int count, sqlite3_int64 offset) noexcept {
  const VfsFile& file = self(handle);
  const std::span<std::byte> bytes(static_cast<std::byte*>(out), static_cast<std::size_t>(count));
  std::size_t done = 0;
  if (file.file) {
    const Result<std::size_t> read = file.file->read_at(static_cast<std::uint64_t>(offset), bytes);
    if (!read.ok()) {
      return failed(file, read.status(), SQLITE_IOERR_READ);
    }
    done = *read;
  }
  // SQLite relies on the zeros.
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(done), bytes.end(), std::byte{0});
  return done == bytes.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* handle, const void* data, int count, sqlite3_int64 offset) noexcept {
  const VfsFile& file = self(handle);
  if (const int code = check_writable(file, SQLITE_IOERR_WRITE); code != SQLITE_OK) {
    return code;
  }
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(data), static_cast<std::size_t>(count));
  const Status written = file.file->write_at(static_cast<std::uint64_t>(offset), bytes);
  return written.ok() ? SQLITE_OK : failed(file, written, SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* handle, sqlite3_int64 size) noexcept {
  const VfsFile& file = self(handle);
  if (const int code = check_writable(file, SQLITE_IOERR_TRUNCATE); code != SQLITE_OK) {
    return code;
  }
  const Status truncated = file.file->truncate(static_cast<std::uint64_t>(size));
  return truncated.ok() ? SQLITE_OK : failed(file, truncated, SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* handle, int) noexcept {
  VfsFile& file = self(handle);
  if (const int code = check_writable(file, SQLITE_IOERR_FSYNC); code != SQLITE_OK) {
    return code;
  }
  if (const Status synced = file.file->sync(); !synced.ok()) {
    file.state->poison(synced);
    return SQLITE_IOERR_FSYNC;
  }
  if (file.folder_sync_pending) {
    if (const Status synced = file.file_system->sync_directory(io::parent_of(file.file->path())); !synced.ok()) {
      file.state->poison(synced);
      return SQLITE_IOERR_DIR_FSYNC;
    }
    file.folder_sync_pending = false;
  }
  return SQLITE_OK;
}

int file_size(sqlite3_file* handle, sqlite3_int64* out) noexcept {
  const VfsFile& file = self(handle);
  *out = 0;
  if (file.file) {
    const Result<std::uint64_t> size = file.file->size();
    if (!size.ok()) {
      return failed(file, size.status(), SQLITE_IOERR_FSTAT);
    }
    *out = static_cast<sqlite3_int64>(*size);
  }
  return SQLITE_OK;
}

int lock(sqlite3_file* handle, int level) noexcept {
  VfsFile& file = self(handle);
  return file.state->locks().acquire(file.lock, static_cast<LockLevel>(level)) ? SQLITE_OK : SQLITE_BUSY;
}

int unlock(sqlite3_file* handle, int level) noexcept {
  VfsFile& file = self(handle);
  file.state->locks().release(file.lock, static_cast<LockLevel>(level));
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* handle, int* out) noexcept {
  *out = self(handle).state->locks().is_reserved() ? 1 : 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) noexcept {
  return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file*) noexcept {
  return kSectorBytes;
}

int device_characteristics(sqlite3_file*) noexcept {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int shared_map(sqlite3_file* handle, int index, int bytes, int make, void volatile** out) noexcept {
  VfsFile& file = self(handle);
  *out = nullptr;
  try {
    *out = file.state->shared_memory().region(file.shared_memory, static_cast<std::size_t>(index),
                                              static_cast<std::size_t>(bytes), make != 0);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int shared_lock(sqlite3_file* handle, int first, int count, int flags) noexcept {
  VfsFile& file = self(handle);
  SharedMemory& memory = file.state->shared_memory();
  const auto at = static_cast<std::size_t>(first);
  const auto locks = static_cast<std::size_t>(count);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    memory.release(file.shared_memory, at, locks);
    return SQLITE_OK;
  }
  const bool is_held = (flags & SQLITE_SHM_SHARED) != 0 ? memory.acquire_shared(file.shared_memory, at, locks)
                                                        : memory.acquire_exclusive(file.shared_memory, at, locks);
  return is_held ? SQLITE_OK : SQLITE_BUSY;
}

void shared_barrier(sqlite3_file* handle) noexcept {
  self(handle).state->shared_memory().barrier();
}

int shared_unmap(sqlite3_file* handle, int) noexcept {
  VfsFile& file = self(handle);
  file.state->shared_memory().leave(file.shared_memory);
  return SQLITE_OK;
}

static_assert(SharedMemory::kLocks == SQLITE_SHM_NLOCK);

constexpr sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;  // No maps.
  methods.xClose = close;
  methods.xRead = read;
  methods.xWrite = write;
  methods.xTruncate = truncate;
  methods.xSync = sync;
  methods.xFileSize = file_size;
  methods.xLock = lock;
  methods.xUnlock = unlock;
  methods.xCheckReservedLock = check_reserved_lock;
  methods.xFileControl = file_control;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = device_characteristics;
  methods.xShmMap = shared_map;
  methods.xShmLock = shared_lock;
  methods.xShmBarrier = shared_barrier;
  methods.xShmUnmap = shared_unmap;
  return methods;
}

constexpr sqlite3_io_methods kMethods = make_methods();

}  // namespace

const sqlite3_io_methods* vfs_file_methods() {
  return &kMethods;
}

}  // namespace vibrato::sqlite
