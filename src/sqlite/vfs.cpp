#include "sqlite/vfs.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <sqlite3.h>

#include "io/safe_path.hpp"
#include "sqlite/memory_bound.hpp"
#include "sqlite/vfs_file.hpp"

namespace vibrato::sqlite {
namespace {

constexpr int kPathBytesMax = 4096;
constexpr std::string_view kJournalSuffixes[] = {"-journal", "-wal"};

static_assert(alignof(VfsFile) <= 8, "SQLite aligns the memory of a file to 8 bytes");

Vfs& self(sqlite3_vfs* vfs) {
  return *static_cast<Vfs*>(vfs->pAppData);
}

// The system's own VFS, for what is not about files.
sqlite3_vfs* system_vfs() {
  return sqlite3_vfs_find("unix");
}

Result<std::unique_ptr<io::File>> open_file(io::FileSystem& file_system, const std::string& path, int flags) {
  if ((flags & SQLITE_OPEN_READONLY) != 0) {
    return file_system.open(path, io::OpenMode::kReadOnly);
  }
  auto file = file_system.open(path, io::OpenMode::kReadWrite);
  const bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
  if (!file.ok() && file.status().code() == ErrorCode::kNotFound && may_create) {
    return file_system.open(path, io::OpenMode::kCreateNewPrivate);
  }
  return file;
}

bool is_journal(int flags) {
  return (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
}

int open(sqlite3_vfs* handle, const char* path, sqlite3_file* memory, int flags, int* out_flags) noexcept {
  memory->pMethods = nullptr;
  if (path == nullptr || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) == 0) {
    return SQLITE_CANTOPEN;  // A temporary file or a journal of several databases: connections make none.
  }
  Vfs& vfs = self(handle);
  auto state = vfs.state_of(path);
  if (is_journal(flags) && static_cast<VfsFile*>(sqlite3_database_file_object(path))->read_only) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  auto opened = open_file(vfs.file_system(), path, flags);
  const bool is_absent_log = !opened.ok() && opened.status().code() == ErrorCode::kNotFound &&
                             (flags & SQLITE_OPEN_WAL) != 0 && (flags & SQLITE_OPEN_READONLY) != 0;
  if (!opened.ok() && !is_absent_log) {
    state->note_error(opened.status());
    return opened.status().code() == ErrorCode::kDiskFull ? SQLITE_FULL : SQLITE_CANTOPEN;
  }
  auto* const file = ::new (static_cast<void*>(memory)) VfsFile{};
  file->pMethods = vfs_file_methods();
  file->file = is_absent_log ? nullptr : std::move(opened).value();
  file->state = std::move(state);
  file->file_system = &vfs.file_system();
  file->read_only = (flags & SQLITE_OPEN_READONLY) != 0;
  if (out_flags != nullptr) {
    *out_flags = flags;
  }
  return SQLITE_OK;
}

int remove(sqlite3_vfs* handle, const char* path, int sync_folder) noexcept {
  Vfs& vfs = self(handle);
  const auto state = vfs.state_of(path);
  if (const Status poison = state->check_not_poisoned(); !poison.ok()) {
    state->note_refusal(poison);
    return SQLITE_IOERR_DELETE;
  }
  if (const Status removed = vfs.file_system().remove_file(path); !removed.ok()) {
    if (removed.code() == ErrorCode::kNotFound) {
      return SQLITE_IOERR_DELETE_NOENT;
    }
    state->note_error(removed);
    return SQLITE_IOERR_DELETE;
  }
  if (sync_folder == 0) {
    return SQLITE_OK;
  }
  if (const Status synced = vfs.file_system().sync_directory(io::parent_of(path)); !synced.ok()) {
    state->poison(synced);
    return SQLITE_IOERR_DIR_FSYNC;
  }
  return SQLITE_OK;
}

// As SQLite's own VFS: an empty file counts as none.
int access(sqlite3_vfs* handle, const char* path, int, int* out) noexcept {
  Vfs& vfs = self(handle);
  const Result<io::FileInfo> info = vfs.file_system().stat(path);
  *out = info.ok() && (!info->is_regular || info->size_bytes > 0) ? 1 : 0;
  if (info.ok() || info.status().code() == ErrorCode::kNotFound) {
    return SQLITE_OK;
  }
  vfs.state_of(path)->note_error(info.status());
  return SQLITE_IOERR_ACCESS;
}

// Paths go to the FileSystem as the caller wrote them.
int full_pathname(sqlite3_vfs*, const char* path, int size, char* out) noexcept {
  const std::size_t length = std::strlen(path);
  if (length >= static_cast<std::size_t>(size)) {
    return SQLITE_CANTOPEN;
  }
  std::copy_n(path, length + 1, out);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int count, char* out) noexcept {
  return system_vfs()->xRandomness(system_vfs(), count, out);
}

int sleep(sqlite3_vfs*, int microseconds) noexcept {
  return system_vfs()->xSleep(system_vfs(), microseconds);
}

int current_time(sqlite3_vfs*, double* out) noexcept {
  return system_vfs()->xCurrentTime(system_vfs(), out);
}

int last_error(sqlite3_vfs*, int, char*) noexcept {
  return 0;
}

}  // namespace

Vfs::Vfs(io::FileSystem& file_system) : file_system_(file_system), registration_(std::make_unique<sqlite3_vfs>()) {
  count_memory_of_sqlite();
  char name[64];
  std::snprintf(name, sizeof(name), "vibrato-%p", static_cast<const void*>(this));
  name_ = name;
  sqlite3_vfs& vfs = *registration_;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(VfsFile);
  vfs.mxPathname = kPathBytesMax;
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_pathname;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  VIBRATO_CHECK(sqlite3_vfs_register(registration_.get(), 0) == SQLITE_OK);
}

Vfs::~Vfs() {
  sqlite3_vfs_unregister(registration_.get());
}

std::shared_ptr<DatabaseState> Vfs::state_of(std::string_view path) {
  for (const std::string_view suffix : kJournalSuffixes) {
    if (path.ends_with(suffix)) {
      path.remove_suffix(suffix.size());
    }
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = states_.find(path); found != states_.end()) {
    return found->second;
  }
  // Those that nobody uses any more make room; a poisoned one is remembered.
  std::erase_if(states_, [](const auto& entry) {
    return entry.second.use_count() == 1 && entry.second->check_not_poisoned().ok();
  });
  auto state = std::make_shared<DatabaseState>(std::string(path));
  states_.emplace(std::string(path), state);
  return state;
}

}  // namespace vibrato::sqlite
