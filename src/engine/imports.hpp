// The threads of imports: one each, a few at a time. Of normal priority, as somebody waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vibrato/status.hpp>

#include "base/ids.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once; stop() not from the work.
class Imports {
 public:
  ~Imports();  // As stop().

  // What the work answers is called when it does not count any more, on the same thread; it may be empty.
  using Last = std::function<void()>;
  // Errors: kOverloaded while one of this collection or limits::kImportsMax of them run; kUnavailable once stopped. The
  // work is not run then.
  [[nodiscard]] Status start(CollectionNumber collection, std::function<Last()> work);
  // Waits for those that run, which others end. Idempotent.
  void stop();

 private:
  struct Running {
    CollectionNumber collection;
    bool has_ended = false;
    std::thread thread;
  };

  void join_ended();

  std::mutex mutex_;  // Guards the members below.
  bool stopped_ = false;
  std::list<Running> running_;
};

}  // namespace vibrato::engine
