#include "sql/sql_readers.hpp"

#include <chrono>
#include <utility>

namespace vibrato::sql {
namespace {

constexpr std::uint32_t kReaderCacheKib = 2048;
constexpr auto kBetweenLooksForReader = std::chrono::milliseconds(20);

}  // namespace

Status SqlReaders::with_reader(const Clock& clock, std::int64_t deadline_ns,
                               const std::function<Status(sqlite::Sandbox&)>& read) {
  const Deadline deadline = deadline_ns == 0 ? Deadline() : Deadline(clock, deadline_ns);
  VIBRATO_ASSIGN_OR_RETURN(SandboxPtr reader, take(deadline));
  if (reader == nullptr) {
    auto opened = sqlite::Sandbox::open(vfs_, path_, {.read_only = true, .cache_kib = kReaderCacheKib});
    if (!opened.ok()) {
      give_back(nullptr);
      return opened.status();
    }
    reader = std::move(opened).value();
  }
  Status status = read(*reader);
  reader->roll_back();
  give_back(std::move(reader));
  return status;
}

Result<SqlReaders::SandboxPtr> SqlReaders::take(const Deadline& deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!free_.empty()) {
      SandboxPtr reader = std::move(free_.back());
      free_.pop_back();
      ++taken_;
      return reader;
    }
    if (taken_ < readers_max_) {
      ++taken_;
      return SandboxPtr();
    }
    VIBRATO_RETURN_IF_ERROR(deadline.check());
    returned_.wait_for(lock, kBetweenLooksForReader);
  }
}

void SqlReaders::give_back(SandboxPtr reader) {
  {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (reader != nullptr) {
      free_.push_back(std::move(reader));
    }
  }
  returned_.notify_one();
}

}  // namespace vibrato::sql
