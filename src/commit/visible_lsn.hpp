// How far readers may look: all records up to this LSN are applied, and whole groups only. The sequencer publishes it;
// models and requests read it. One a database.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/ids.hpp"

namespace vibrato::commit {

// Thread-safety: all methods may be called from many threads at once; one thread publishes.
class VisibleLsn {
 public:
  [[nodiscard]] Lsn get() const { return Lsn(lsn_.load(std::memory_order_acquire)); }
  void publish(Lsn lsn) { lsn_.store(lsn.value(), std::memory_order_release); }

 private:
  std::atomic<std::uint64_t> lsn_{0};
};

}  // namespace vibrato::commit
