// An open file as SQLite sees it: the methods that it calls, over an io::File. Only the Vfs makes them.
#pragma once

#include <memory>
#include <sqlite3.h>

#include "io/file_system.hpp"
#include "sqlite/database_state.hpp"
#include "sqlite/file_locks.hpp"

namespace vibrato::sqlite {

// SQLite allocates the memory (szOsFile bytes) and closes by xClose, which destroys the object.
struct VfsFile : sqlite3_file {
  // Null for a write-ahead log that does not exist and that a read-only connection may not create: it reads as empty.
  std::unique_ptr<io::File> file;
  std::shared_ptr<DatabaseState> state;
  io::FileSystem* file_system = nullptr;
  FileLocks::Holder lock;
  SharedMemory::Holder shared_memory;
  bool read_only = false;
  bool folder_sync_pending = true;
};

// The method table of every VfsFile.
[[nodiscard]] const sqlite3_io_methods* vfs_file_methods();

}  // namespace vibrato::sqlite
