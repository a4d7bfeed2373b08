// SQLite's door to the disk: a VFS whose every call goes through an io::FileSystem, so that one simulated power loss
// or one failing call covers the log, the segments and the databases together.
//
// What it promises to SQLite, and by which calls:
//   - xSync is File::sync (fdatasync). The first sync of each opened file also syncs its folder, whether or not this
//     open created it: a process that was killed may have left a name behind that no folder sync has covered.
//   - xDelete with its sync flag is remove_file and sync_directory.
//   - A failed sync poisons the database (database_state.hpp): all later writes, truncations, syncs and deletes fail.
//   - Reads past the end are filled with zeros. Writes do not disturb bytes beside them (as SQLite assumes on Unix);
//     nothing else is assumed of the disk, neither atomic sectors nor order.
//   - The index of a write-ahead log that several connections share lies on the heap (shared_memory.hpp): a reader
//   never
//     needs the disk to have room.
// There are no temporary files (connections keep those in memory), no shared-memory files and no memory maps.
// Files it creates are readable by their owner only.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.hpp"
#include "sqlite/database_state.hpp"

struct sqlite3_vfs;

namespace vibrato::sqlite {

// One for each FileSystem. Thread-safety: connections of many threads may use it at once.
class Vfs {
 public:
  // Registers itself with SQLite. `file_system` must outlive it, and it all its connections.
  explicit Vfs(io::FileSystem& file_system);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  // By which SQLite finds it.
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] io::FileSystem& file_system() const { return file_system_; }
  // The state of the database that `path` is, or whose journal it is.
  [[nodiscard]] std::shared_ptr<DatabaseState> state_of(std::string_view path);

 private:
  io::FileSystem& file_system_;
  std::string name_;
  std::unique_ptr<sqlite3_vfs> registration_;
  std::mutex mutex_;                                                           // Guards states_.
  std::map<std::string, std::shared_ptr<DatabaseState>, std::less<>> states_;  // Poisoned ones stay.
};

}  // namespace vibrato::sqlite
