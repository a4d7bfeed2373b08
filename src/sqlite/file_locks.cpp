#include "sqlite/file_locks.hpp"

namespace vibrato::sqlite {

bool FileLocks::acquire(Holder& holder, LockLevel level) {
  const std::lock_guard lock(mutex_);
  if (holder.level >= level) {
    return true;
  }
  if (holder.level == LockLevel::kNone) {
    if (is_closed_to_readers_) {
      return false;
    }
    ++shared_count_;
    holder.level = LockLevel::kShared;
  }
  if (level == LockLevel::kShared) {
    return true;
  }
  if (writer_ != nullptr && writer_ != &holder) {
    return false;
  }
  writer_ = &holder;
  if (level == LockLevel::kExclusive) {
    is_closed_to_readers_ = true;
    if (shared_count_ > 1) {
      holder.level = LockLevel::kPending;
      return false;
    }
  }
  holder.level = level;
  return true;
}

void FileLocks::release(Holder& holder, LockLevel level) {
  const std::lock_guard lock(mutex_);
  if (holder.level <= level) {
    return;
  }
  if (writer_ == &holder) {
    writer_ = nullptr;
    is_closed_to_readers_ = false;
  }
  if (level == LockLevel::kNone) {
    --shared_count_;
  }
  holder.level = level;
}

bool FileLocks::is_reserved() const {
  const std::lock_guard lock(mutex_);
  return writer_ != nullptr;
}

}  // namespace vibrato::sqlite
