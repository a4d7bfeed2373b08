#include "engine/imports.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/limits.hpp"

namespace vibrato::engine {

Imports::~Imports() {
  stop();
}

Status Imports::start(CollectionNumber collection, std::function<Last()> work) {
  const std::lock_guard lock(mutex_);
  join_ended();
  if (stopped_) {
    return unavailable("the server stops");
  }
  if (std::any_of(running_.begin(), running_.end(), [&](const auto& one) { return one.collection == collection; })) {
    return {ErrorCode::kOverloaded, "an import into this collection is running; try again when it has ended"};
  }
  if (running_.size() >= limits::kImportsMax) {
    return {ErrorCode::kOverloaded, "too many imports are running; try again when one has ended"};
  }
  Running& added = running_.emplace_back();
  added.collection = collection;
  try {
    added.thread = std::thread([this, &added, work = std::move(work)]() mutable {
      const Last last = work();
      work = nullptr;  // What it holds goes before it counts as ended.
      {
        const std::lock_guard end_lock(mutex_);
        added.has_ended = true;
      }
      if (last) {
        last();
      }
    });
  } catch (const std::system_error&) {
    running_.pop_back();
    return {ErrorCode::kOverloaded, "the system gives no thread for an import; try again"};
  }
  return ok_status();
}

// Requires: mutex_ is held.
void Imports::join_ended() {
  running_.remove_if([](Running& one) {
    if (one.has_ended) {
      one.thread.join();
    }
    return one.has_ended;
  });
}

void Imports::stop() {
  std::list<Running> last;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    last.swap(running_);
  }
  for (Running& one : last) {
    one.thread.join();
  }
}

}  // namespace vibrato::engine
