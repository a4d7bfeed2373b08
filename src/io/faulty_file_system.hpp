// A file system whose calls fail as a plan says, in front of any other. Tests use it to fail each I/O call of a
// script, once and for good, and to remove a barrier and see that the tests notice.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace vibrato::io {

enum class IoCall : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kSize,
  kMap,
  kRename,
  kHardLink,
  kRemoveFile,
  kCreateDirectory,
  kRemoveDirectory,
  kListDirectory,
  kStat,
  kSyncDirectory,
  kLockDirectory,
  kFreeBytes,
};

enum class Fault : std::uint8_t {
  kIoError,     // EIO: nothing is done.
  kDiskFull,    // ENOSPC: nothing is done.
  kShortWrite,  // Half of the data is written, then ENOSPC. For kWrite; nothing is done for other calls.
  kShortRead,   // Half of the bytes asked for are read, and the call answers EIO. For kRead; as kIoError for others.
  kIgnored,     // Nothing is done and the call answers ok: a barrier taken out. For calls that return a Status.
};

// Which calls fail: those that fit every field that is set.
struct FaultRule {
  Fault fault = Fault::kIoError;
  // The number of the call, from 0; with `for_good` also all later ones.
  std::optional<std::uint64_t> operation = std::nullopt;
  std::optional<IoCall> call = std::nullopt;
  std::string path_part = {};  // A part of the path (of either path, for rename and hard_link).
  std::string path_end = {};   // What that same path ends with.
  std::uint64_t skip = 0;      // The first calls that fit pass.
  bool for_good = false;       // Otherwise the rule is spent once it has struck.
};

// Thread-safety: all methods may be called from many threads at once. Files must not outlive it.
class FaultyFileSystem : public FileSystem {
 public:
  // `base` must outlive it.
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  void add_rule(FaultRule rule);
  void clear_rules();
  // Calls seen so far, failed ones included.
  [[nodiscard]] std::uint64_t operation_count() const;
  // Calls that a rule struck.
  [[nodiscard]] std::uint64_t fault_count() const;
  // The last of them; nothing if there was none.
  struct Struck {
    IoCall call = IoCall::kOpen;
    std::string path;
  };
  [[nodiscard]] std::optional<Struck> last_struck() const;

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
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override;

 private:
  friend class FaultyFile;

  struct Rule {
    FaultRule rule;
    std::uint64_t passed = 0;
    bool spent = false;
  };

  // Counts the call and tells what happens to it; nothing for a call that goes through.
  std::optional<Fault> strike(IoCall call, const std::string& path, const std::string& second_path = "");
  // Runs `action` unless the plan strikes the call.
  template <typename Action>
  Status run(IoCall call, const std::string& path, const std::string& second_path, const Action& action);

  FileSystem& base_;
  mutable std::mutex mutex_;  // Guards the members below; not held while base_ works.
  std::vector<Rule> rules_;
  std::uint64_t operation_count_ = 0;
  std::uint64_t fault_count_ = 0;
  std::optional<Struck> last_struck_;
};

}  // namespace vibrato::io
