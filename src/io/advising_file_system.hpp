// Another file system whose maps are read in one way throughout: `serve-v2 --vector-madvise-mode random` tells the
// system by it not to read ahead, which pays where segments are larger than memory. Where a user of a map asks for the
// normal way (after it went through the file in order, for instance), it gets this one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace vibrato::io {

// Thread-safety: as the file system behind it, which outlives it.
class AdvisingFileSystem final : public FileSystem {
 public:
  AdvisingFileSystem(FileSystem& base, ReadOnlyMap::Access access) : base_(base), access_(access) {}

  [[nodiscard]] Result<std::unique_ptr<ReadOnlyMap>> map_read_only(const std::string& path) override;

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return base_.open(path, mode);
  }
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) override {
    return base_.rename(from, to);
  }
  [[nodiscard]] Status hard_link(const std::string& from, const std::string& to) override {
    return base_.hard_link(from, to);
  }
  [[nodiscard]] Status remove_file(const std::string& path) override { return base_.remove_file(path); }
  [[nodiscard]] Status create_directory(const std::string& path) override { return base_.create_directory(path); }
  [[nodiscard]] Status remove_directory(const std::string& path) override { return base_.remove_directory(path); }
  [[nodiscard]] Result<std::vector<FileInfo>> list_directory(const std::string& path) override {
    return base_.list_directory(path);
  }
  [[nodiscard]] Result<FileInfo> stat(const std::string& path) override { return base_.stat(path); }
  [[nodiscard]] Status sync_directory(const std::string& path) override { return base_.sync_directory(path); }
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return base_.lock_directory(path);
  }
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override { return base_.free_bytes(path); }

 private:
  FileSystem& base_;
  const ReadOnlyMap::Access access_;
};

}  // namespace vibrato::io
