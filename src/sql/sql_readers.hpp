// The read-only connections of the SQL model. A query takes one, waits if all are taken.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "sqlite/sandbox.hpp"

namespace vibrato::sql {

// Thread-safety: all methods may be called from many threads at once.
class SqlReaders {
 public:
  // `vfs` outlives it. Connections are opened when they are wanted, at most `readers_max`.
  SqlReaders(sqlite::Vfs& vfs, std::string path, std::size_t readers_max)
      : vfs_(vfs), path_(std::move(path)), readers_max_(readers_max) {}

  // Calls `read` with a connection that no one else has. Errors: kTimeout when none is free by then, those of opening
  // one, and what `read` answers.
  [[nodiscard]] Status with_reader(const Clock& clock, std::int64_t deadline_ns,
                                   const std::function<Status(sqlite::Sandbox&)>& read);

 private:
  using SandboxPtr = std::unique_ptr<sqlite::Sandbox>;
  // Null: there is room for one more, which is the caller's to open.
  [[nodiscard]] Result<SandboxPtr> take(const Deadline& deadline);
  void give_back(SandboxPtr reader);

  sqlite::Vfs& vfs_;
  const std::string path_;
  const std::size_t readers_max_;
  std::mutex mutex_;  // Guards the members below.
  std::condition_variable returned_;
  std::vector<SandboxPtr> free_;
  std::size_t taken_ = 0;
};

}  // namespace vibrato::sql
