// Runs a loop on several threads: graph building, encoding and exact search divide their rows with it.
// Invariant: every index below `count` is given to exactly one call of the body, and all calls have returned when
// parallel_for returns. With one thread the chunks run in order on the calling thread, so results are deterministic.
#pragma once

#include <cstddef>
#include <functional>

namespace vibrato {

// Called for [begin, end) on the thread number `thread_index` < threads. Must not throw. Two calls with the same
// thread_index never overlap, so it may index scratch space.
using ParallelBody = std::function<void(std::size_t begin, std::size_t end, std::size_t thread_index)>;

// Threads take chunks of `chunk` indexes from one counter until none is left, so a slow chunk holds nobody else up.
// The calling thread works as thread 0; threads = 0 counts as 1. If the system refuses a thread, the others do its
// share. Requires: chunk > 0.
void parallel_for(std::size_t threads, std::size_t count, std::size_t chunk, const ParallelBody& body);

// As above with a chunk chosen so that each thread takes about 16, of at most 1,024 indexes.
void parallel_for(std::size_t threads, std::size_t count, const ParallelBody& body);

// The number of threads that the machine runs at once, at least 1.
[[nodiscard]] std::size_t hardware_threads();

}  // namespace vibrato
