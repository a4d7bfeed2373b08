// What all connections of a Vfs on one database share: its locks, the index of its write-ahead log, why its last call
// failed, and whether it is poisoned. Invariant: once a sync of the database, its journal or its folder has failed,
// nothing of it is written any more while the Vfs lives. What such a sync left on the disk is unknown, and a later one
// that answers ok proves nothing. Used by the Vfs, and by the connection for its error messages.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vibrato/status.hpp>

#include "sqlite/file_locks.hpp"
#include "sqlite/shared_memory.hpp"

namespace vibrato::sqlite {

// Thread-safety: all methods may be called from many threads at once.
class DatabaseState {
 public:
  explicit DatabaseState(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] FileLocks& locks() { return locks_; }
  [[nodiscard]] SharedMemory& shared_memory() { return shared_memory_; }

  // Keeps why a call of the file system failed; SQLite's own codes are too coarse for a message.
  void note_error(const Status& error) {
    const std::lock_guard lock(mutex_);
    last_error_ = error;
  }
  // As note_error(), but an error that nobody has taken yet stays: what is refused because of it is no news.
  void note_refusal(const Status& error) {
    const std::lock_guard lock(mutex_);
    if (last_error_.ok()) {
      last_error_ = error;
    }
  }
  // The last noted error, once; ok if there is none.
  [[nodiscard]] Status take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(last_error_, ok_status());
  }

  void poison(const Status& cause) {
    const std::lock_guard lock(mutex_);
    last_error_ = cause;
    if (poison_.ok()) {
      poison_ = unavailable(path_ + " takes no writes until a restart, because a sync failed: " + cause.message());
    }
  }
  // kUnavailable, naming the cause, once poisoned.
  [[nodiscard]] Status check_not_poisoned() const {
    const std::lock_guard lock(mutex_);
    return poison_;
  }

 private:
  std::string path_;
  FileLocks locks_;
  SharedMemory shared_memory_;
  mutable std::mutex mutex_;  // Guards the members below.
  Status last_error_;
  Status poison_;
};

}  // namespace vibrato::sqlite
