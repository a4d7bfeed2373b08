#include "io/sync_watch.hpp"

#include <utility>

namespace vibrato::io {

class WatchedFile final : public File {
 public:
  WatchedFile(SyncWatch& watch, std::unique_ptr<File> base) : watch_(watch), base_(std::move(base)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return base_->read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    return base_->write_at(offset, data);
  }
  Status sync() override {
    Status synced = base_->sync();
    if (!synced.ok()) {
      watch_.note(path(), synced);
    }
    return synced;
  }
  Status truncate(std::uint64_t size_bytes) override { return base_->truncate(size_bytes); }
  Result<std::uint64_t> size() const override { return base_->size(); }
  const std::string& path() const override { return base_->path(); }

 private:
  SyncWatch& watch_;
  std::unique_ptr<File> base_;
};

Status SyncWatch::check() const {
  if (!failed_.load(std::memory_order_acquire)) {
    return ok_status();
  }
  const std::lock_guard lock(mutex_);
  return failure_;
}

Result<std::unique_ptr<File>> SyncWatch::open(const std::string& path, OpenMode mode) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, base_.open(path, mode));
  return std::unique_ptr<File>(std::make_unique<WatchedFile>(*this, std::move(file)));
}

Status SyncWatch::sync_directory(const std::string& path) {
  Status synced = base_.sync_directory(path);
  if (!synced.ok() && synced.code() != ErrorCode::kNotFound) {
    note(path, synced);
  }
  return synced;
}

void SyncWatch::note(const std::string& path, const Status& failure) {
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) {
    failure_ = unavailable("a sync of " + path + " failed, no writes are taken until a restart: " + failure.message());
    failed_.store(true, std::memory_order_release);
  }
}

}  // namespace vibrato::io
