// A file system that remembers whether a sync through it ever failed, in front of any other. After the first one nobody
// knows what is on the disk, so whoever acknowledges writes asks here first, and does so until a restart.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace vibrato::io {

// Thread-safety: all methods may be called from many threads at once. Files must not outlive it.
class SyncWatch final : public FileSystem {
 public:
  // `base` must outlive it.
  explicit SyncWatch(FileSystem& base) : base_(base) {}

  // kUnavailable, naming the file or folder, once a sync has failed. Costs one load while none has.
  [[nodiscard]] Status check() const;

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  [[nodiscard]] Result<std::unique_ptr<ReadOnlyMap>> map_read_only(const std::string& path) override {
    return base_.map_read_only(path);
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
  [[nodiscard]] Status sync_directory(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return base_.lock_directory(path);
  }
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override { return base_.free_bytes(path); }

 private:
  friend class WatchedFile;
  void note(const std::string& path, const Status& failure);

  FileSystem& base_;
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;  // Guards failure_.
  Status failure_;
};

}  // namespace vibrato::io
