#include "base/parallel_for.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>
#include <vibrato/check.hpp>

namespace vibrato {

void parallel_for(std::size_t threads, std::size_t count, std::size_t chunk, const ParallelBody& body) {
  VIBRATO_CHECK(chunk > 0);
  const std::size_t chunks = count / chunk + (count % chunk != 0 ? 1 : 0);
  const std::size_t workers = std::min(std::max<std::size_t>(threads, 1), chunks);
  // The counter counts chunks, not indexes, so that it cannot overflow however many threads run past the end.
  std::atomic<std::size_t> next_chunk{0};
  const auto work = [&](std::size_t thread_index) {
    for (;;) {
      const std::size_t taken = next_chunk.fetch_add(1, std::memory_order_relaxed);
      if (taken >= chunks) {
        return;
      }
      const std::size_t begin = taken * chunk;
      body(begin, begin + std::min(chunk, count - begin), thread_index);
    }
  };
  if (workers == 0) {
    return;
  }
  std::vector<std::thread> others;
  others.reserve(workers - 1);
  try {
    for (std::size_t i = 1; i < workers; ++i) {
      others.emplace_back(work, i);
    }
  } catch (const std::system_error&) {
    // No more threads to be had: those that run take all the chunks.
  }
  work(0);
  for (std::thread& other : others) {
    other.join();
  }
}

void parallel_for(std::size_t threads, std::size_t count, const ParallelBody& body) {
  const std::size_t shares = std::max<std::size_t>(threads, 1) * 16;
  parallel_for(threads, count, std::clamp<std::size_t>(count / shares, 1, 1024), body);
}

std::size_t hardware_threads() {
  return std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
}

}  // namespace vibrato
