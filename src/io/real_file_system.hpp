// The file system of the machine (POSIX). Made once, by the app; everyone else takes a FileSystem&.
// Invariant: no call follows a symbolic link in the last part of a path or opens anything but regular files and
// folders, so that a planted link, pipe or device cannot redirect or block the daemon. Parts before the last may be
// links: the operator chooses where the data folder is (resolve_path below).
// Files are created with the modes that the umask leaves of 0666 (kCreateNewPrivate: 0600), folders with 0700.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace vibrato::io {

// Thread-safety: all methods may be called from many threads at once.
class RealFileSystem final : public FileSystem {
 public:
  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  [[nodiscard]] Result<std::unique_ptr<ReadOnlyMap>> map_read_only(const std::string& path) override;
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Status hard_link(const std::string& from, const std::string& to) override;
  [[nodiscard]] Status remove_file(const std::string& path) override;
  [[nodiscard]] Status create_directory(const std::string& path) override;
  [[nodiscard]] Status remove_directory(const std::string& path) override;
  [[nodiscard]] Result<std::vector<FileInfo>> list_directory(const std::string& path) override;
  [[nodiscard]] Result<FileInfo> stat(const std::string& path) override;
  [[nodiscard]] Status sync_directory(const std::string& path) override;
  // Holds flock(2) on the file LOCK in the folder, which stays behind when the lock is released.
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override;
};

// The absolute path behind what an operator typed, links resolved; the last part need not exist yet. For flags and
// arguments of the command line only, never for a name from a request.
// Errors: kNotFound when the folder does not exist, kInvalidArgument for an empty path or one with a NUL.
[[nodiscard]] Result<std::string> resolve_path(const std::string& path);

}  // namespace vibrato::io
