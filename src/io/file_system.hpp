// The only door to the file system. Everything that touches a disk takes a FileSystem&, so that crashes, power loss
// and failing calls can be replayed in tests: see RealFileSystem, SimulatedFileSystem and FaultyFileSystem.
//
// What is durable when, on every implementation:
//   - bytes written to a file: after File::sync() returned ok;
//   - a name (create, rename, remove): after sync_directory() of its folder returned ok.
// A failed sync leaves it unknown what reached the disk: callers never retry one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::io {

enum class OpenMode : std::uint8_t {
  kReadOnly,          // The file must exist.
  kReadOnlyPrivate,   // As kReadOnly; kForbidden if others than its owner may read or write it (for secrets).
  kReadWrite,         // The file must exist.
  kCreateNew,         // Read and write; the file must not exist.
  kCreateNewPrivate,  // As kCreateNew, for its owner only (mode 0600).
  kCreateTruncate,    // Read and write; created, or emptied if it exists.
};

// An open file. Thread-safety: read_at may be called from many threads at once; all else by one at a time.
class File {
 public:
  virtual ~File() = default;

  // Fills `out` from `offset` and returns how many bytes were read: fewer than out.size() only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
  // Writes all of `data` at `offset`, growing the file (a hole reads as zeros). Short writes and EINTR are continued.
  // Errors: kDiskFull when there is no space, kIoError otherwise; what was written by then is unspecified.
  [[nodiscard]] virtual Status write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;
  // fdatasync: makes all bytes written so far, and the size, durable.
  [[nodiscard]] virtual Status sync() = 0;
  [[nodiscard]] virtual Status truncate(std::uint64_t size_bytes) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  [[nodiscard]] virtual const std::string& path() const = 0;
};

// A read-only map of a whole file, which must be immutable while it is mapped.
class ReadOnlyMap {
 public:
  virtual ~ReadOnlyMap() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
  // Advice about how [offset, offset + length) will be used; never fails, may do nothing.
  enum class Access : std::uint8_t { kNormal, kRandom, kSequential, kWillNeed, kHugePages };
  virtual void advise(Access access, std::uint64_t offset, std::uint64_t length_bytes) const = 0;
};

// Held while this process owns a data folder; released by its destructor.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

struct FileInfo {
  std::string name;  // The last part of the path.
  std::uint64_t size_bytes = 0;
  bool is_directory = false;
  bool is_regular = false;  // False for directories, symbolic links, sockets and the like.
};

// Thread-safety: all methods may be called from many threads at once.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Errors: kNotFound, kAlreadyExists, kDiskFull, kIoError. Symbolic links as the last part of a path are refused.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ReadOnlyMap>> map_read_only(const std::string& path) = 0;
  // Replaces `to` if it exists; atomic.
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Status hard_link(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Status remove_file(const std::string& path) = 0;
  // Creates one directory; ok if it is there already.
  [[nodiscard]] virtual Status create_directory(const std::string& path) = 0;
  // Requires: empty directory.
  [[nodiscard]] virtual Status remove_directory(const std::string& path) = 0;
  // Entries without "." and "..", sorted by name.
  [[nodiscard]] virtual Result<std::vector<FileInfo>> list_directory(const std::string& path) = 0;
  // kNotFound if there is nothing at `path`. Does not follow a symbolic link as the last part.
  [[nodiscard]] virtual Result<FileInfo> stat(const std::string& path) = 0;
  // fsync of a folder: makes the names in it durable.
  [[nodiscard]] virtual Status sync_directory(const std::string& path) = 0;
  // kConflict if another process (or another holder in this one) has it.
  [[nodiscard]] virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

}  // namespace vibrato::io
