#include "sqlite/shared_memory.hpp"

#include <atomic>

namespace vibrato::sqlite {

std::byte* SharedMemory::region(Holder& holder, std::size_t index, std::size_t bytes, bool make) {
  const std::lock_guard lock(mutex_);
  if (!holder.is_user) {
    holder.is_user = true;
    ++users_;
  }
  while (regions_.size() <= index) {
    if (!make) {
      return nullptr;
    }
    regions_.push_back(std::make_unique<std::byte[]>(bytes));
  }
  return regions_[index].get();
}

bool SharedMemory::acquire_shared(Holder& holder, std::size_t first, std::size_t count) {
  const std::lock_guard lock(mutex_);
  for (std::size_t at = first; at < first + count; ++at) {
    if (locks_[at].is_exclusive && ((holder.exclusive >> at) & 1) == 0) {
      return false;
    }
  }
  for (std::size_t at = first; at < first + count; ++at) {
    if (const std::uint32_t bit = 1U << at; ((holder.shared | holder.exclusive) & bit) == 0) {
      ++locks_[at].shares;
      holder.shared |= bit;
    }
  }
  return true;
}

bool SharedMemory::acquire_exclusive(Holder& holder, std::size_t first, std::size_t count) {
  const std::lock_guard lock(mutex_);
  for (std::size_t at = first; at < first + count; ++at) {
    const std::uint32_t own_shares = (holder.shared >> at) & 1;
    const bool is_own = ((holder.exclusive >> at) & 1) != 0;
    if (!is_own && (locks_[at].is_exclusive || locks_[at].shares > own_shares)) {
      return false;
    }
  }
  for (std::size_t at = first; at < first + count; ++at) {
    const std::uint32_t bit = 1U << at;
    if ((holder.shared & bit) != 0) {
      --locks_[at].shares;
    }
    holder.shared &= ~bit;
    holder.exclusive |= bit;
    locks_[at].is_exclusive = true;
  }
  return true;
}

void SharedMemory::release(Holder& holder, std::size_t first, std::size_t count) {
  const std::lock_guard lock(mutex_);
  release_locked(holder, first, count);
}

void SharedMemory::release_locked(Holder& holder, std::size_t first, std::size_t count) {
  for (std::size_t at = first; at < first + count; ++at) {
    const std::uint32_t bit = 1U << at;
    if ((holder.exclusive & bit) != 0) {
      locks_[at].is_exclusive = false;
    }
    if ((holder.shared & bit) != 0) {
      --locks_[at].shares;
    }
    holder.exclusive &= ~bit;
    holder.shared &= ~bit;
  }
}

void SharedMemory::leave(Holder& holder) {
  const std::lock_guard lock(mutex_);
  release_locked(holder, 0, kLocks);
  if (holder.is_user) {
    holder.is_user = false;
    if (--users_ == 0) {
      regions_.clear();
    }
  }
}

void SharedMemory::barrier() {
  // The mutex as well: it is what tools that look for races understand, which the fence is not.
  const std::lock_guard lock(mutex_);
#ifndef __SANITIZE_THREAD__
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace vibrato::sqlite
