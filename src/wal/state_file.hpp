// Reads and replaces the state file of a log. For wal only.
#pragma once

#include <optional>
#include <string>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"
#include "io/file_system.hpp"

namespace vibrato::wal {

// nullopt when there is no such file. Errors: kCorruption, kInvalidArgument (a later version), kIoError.
[[nodiscard]] Result<std::optional<format::LogState>> read_state_file(io::FileSystem& fs, const std::string& folder);

// What became of a replacement that failed: before any sync nothing has happened (a full disk, say); once a sync has
// failed nobody knows what is on the disk.
struct StateWrite {
  Status status;
  bool sync_failed = false;
};

// Replaces the file durably.
[[nodiscard]] StateWrite write_state_file(io::FileSystem& fs, const std::string& folder, const format::LogState& state);

}  // namespace vibrato::wal
