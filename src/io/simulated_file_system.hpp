// A file system in memory that can lose power, for tests of durability. It keeps exactly what the contract in
// file_system.hpp promises and no more: see simulated_disk.hpp for what a power loss leaves.
//
// A test runs a script against it, cuts the power after some operation, restarts with a CrashMode and a seed, lets
// the code under test recover, and checks. Counting the operations of one run gives the crash points of the next.
//
// It is harsher than most real ones: a file whose folder was not synced is lost even if the file was; a rename
// between two folders is two changes, which may survive apart. Folders are renamed within their parent only
// (kInvalidArgument otherwise). Paths have no links, and "/a", "a" and "./a" are the same.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "io/file_system.hpp"
#include "io/simulated_disk.hpp"

namespace vibrato::io {

// One call that changes something; reads are not counted, since a crash before one is a crash before the next change.
struct SimulatedOperation {
  enum class Kind : std::uint8_t {
    kCreate,  // A file, by open or lock_directory.
    kWrite,
    kTruncate,  // Also by opening with kCreateTruncate what exists.
    kSync,
    kRename,
    kHardLink,
    kRemoveFile,
    kCreateDirectory,
    kRemoveDirectory,
    kSyncDirectory,
  };
  Kind kind = Kind::kCreate;
  std::string path;              // The target, for kRename and kHardLink.
  std::uint64_t size_bytes = 0;  // Written, or the new size.

  friend bool operator==(const SimulatedOperation&, const SimulatedOperation&) = default;
};

// Thread-safety: all methods may be called from many threads at once. Files, maps and locks must not outlive it.
class SimulatedFileSystem final : public FileSystem {
 public:
  SimulatedFileSystem();
  ~SimulatedFileSystem() override;
  SimulatedFileSystem(const SimulatedFileSystem&) = delete;
  SimulatedFileSystem& operator=(const SimulatedFileSystem&) = delete;

  // From now on every call answers kIoError, until restart().
  void cut_power();
  // Cuts the power when `operations` more counted operations have been done; 0 is now.
  void cut_power_after(std::uint64_t operations);
  [[nodiscard]] bool has_power() const;
  // Power loss (if it had not come yet), then power again: what was not durable survives as `mode` and `seed` say.
  // Files opened before stay dead, locks are free.
  void restart(CrashMode mode, std::uint64_t seed);

  // The next File::sync() answers kIoError, and what it should have written is never written, as on Linux: reads
  // still see it, a later sync answers ok, and a power loss takes it.
  void fail_next_sync();
  // Content of all files together that fits before calls answer kDiskFull. Unlimited at first.
  void set_capacity(std::uint64_t bytes);

  // Counted operations done since the file system was made.
  [[nodiscard]] std::uint64_t operation_count() const;
  [[nodiscard]] std::vector<SimulatedOperation> operations() const;

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  // A copy of the content at the time of the call.
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
  friend class SimulatedFile;
  friend class SimulatedLock;

  // Where a path leads: its folder, the last part, and what is there (null if nothing is).
  struct Place {
    SimulatedNodePtr folder;
    std::string name;
    SimulatedNodePtr node;
  };

  // All below require mutex_.
  Status check_power() const;
  Result<Place> find(const std::string& path) const;
  // The node at `path`; kNotFound if there is none.
  Result<SimulatedNodePtr> find_existing(const std::string& path) const;
  Result<SimulatedNodePtr> find_folder(const std::string& path) const;
  Result<SimulatedNodePtr> find_file(const std::string& path) const;
  // Counts and logs an operation that is about to succeed, and returns the number of its change.
  std::uint64_t count(SimulatedOperation::Kind kind, const std::string& path, std::uint64_t size_bytes = 0);
  Result<SimulatedNodePtr> create_file(const Place& place, const std::string& path);
  Status check_rename(const Place& from, const Place& to, const std::string& path) const;
  Status check_space(std::uint64_t old_bytes, std::uint64_t new_bytes, const std::string& path) const;
  std::uint64_t used_bytes() const;

  mutable std::mutex mutex_;  // Guards everything below, and the nodes.
  SimulatedNodePtr root_;
  bool has_power_ = true;
  bool fail_next_sync_ = false;
  std::uint64_t power_limit_ = UINT64_MAX;  // The count of operations at which the power goes.
  std::uint64_t capacity_bytes_ = UINT64_MAX;
  std::uint64_t generation_ = 0;  // Counts restarts; what was opened in an older one is dead.
  std::vector<SimulatedOperation> operations_;
  std::unordered_set<const SimulatedNode*> locked_;
};

}  // namespace vibrato::io
