#include "io/faulty_file_system.hpp"

#include <utility>

namespace vibrato::io {
namespace {

Status error_of_fault(Fault fault, const std::string& path) {
  const bool no_space = fault == Fault::kDiskFull || fault == Fault::kShortWrite;
  return {no_space ? ErrorCode::kDiskFull : ErrorCode::kIoError, path + ": injected fault"};
}

bool fits(const FaultRule& rule, std::uint64_t operation, IoCall call, const std::string& path,
          const std::string& second_path) {
  if (rule.operation && (rule.for_good ? operation < *rule.operation : operation != *rule.operation)) {
    return false;
  }
  if (rule.call && *rule.call != call) {
    return false;
  }
  const auto matches = [&rule](const std::string& candidate) {
    return candidate.find(rule.path_part) != std::string::npos && candidate.ends_with(rule.path_end);
  };
  return matches(path) || matches(second_path);
}

}  // namespace

class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem& owner, std::unique_ptr<File> base) : owner_(owner), base_(std::move(base)) {}

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (const auto fault = owner_.strike(IoCall::kRead, path())) {
      if (*fault == Fault::kShortRead) {
        VIBRATO_RETURN_IF_ERROR(base_->read_at(offset, out.first(out.size() / 2)).status());
      }
      return error_of_fault(*fault, path());
    }
    return base_->read_at(offset, out);
  }

  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    const auto fault = owner_.strike(IoCall::kWrite, path());
    if (!fault) {
      return base_->write_at(offset, data);
    }
    if (*fault == Fault::kIgnored) {
      return ok_status();
    }
    if (*fault == Fault::kShortWrite) {
      VIBRATO_RETURN_IF_ERROR(base_->write_at(offset, data.first(data.size() / 2)));
    }
    return error_of_fault(*fault, path());
  }

  [[nodiscard]] Status sync() override {
    return owner_.run(IoCall::kSync, path(), "", [this] { return base_->sync(); });
  }

  [[nodiscard]] Status truncate(std::uint64_t size_bytes) override {
    return owner_.run(IoCall::kTruncate, path(), "", [&] { return base_->truncate(size_bytes); });
  }

  [[nodiscard]] Result<std::uint64_t> size() const override {
    if (const auto fault = owner_.strike(IoCall::kSize, path())) {
      return error_of_fault(*fault, path());
    }
    return base_->size();
  }

  [[nodiscard]] const std::string& path() const override { return base_->path(); }

 private:
  FaultyFileSystem& owner_;
  std::unique_ptr<File> base_;
};

void FaultyFileSystem::add_rule(FaultRule rule) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({std::move(rule)});
}

void FaultyFileSystem::clear_rules() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
}

std::uint64_t FaultyFileSystem::operation_count() const {
  const std::lock_guard lock(mutex_);
  return operation_count_;
}

std::uint64_t FaultyFileSystem::fault_count() const {
  const std::lock_guard lock(mutex_);
  return fault_count_;
}

std::optional<FaultyFileSystem::Struck> FaultyFileSystem::last_struck() const {
  const std::lock_guard lock(mutex_);
  return last_struck_;
}

std::optional<Fault> FaultyFileSystem::strike(IoCall call, const std::string& path, const std::string& second_path) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t operation = operation_count_++;
  for (Rule& held : rules_) {
    if (held.spent || !fits(held.rule, operation, call, path, second_path)) {
      continue;
    }
    if (held.passed < held.rule.skip) {
      ++held.passed;
      continue;
    }
    held.spent = !held.rule.for_good;
    ++fault_count_;
    last_struck_ = Struck{call, path};
    return held.rule.fault;
  }
  return std::nullopt;
}

template <typename Action>
Status FaultyFileSystem::run(IoCall call, const std::string& path, const std::string& second_path,
                             const Action& action) {
  const auto fault = strike(call, path, second_path);
  if (!fault) {
    return action();
  }
  return *fault == Fault::kIgnored ? ok_status() : error_of_fault(*fault, path);
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  if (const auto fault = strike(IoCall::kOpen, path)) {
    return error_of_fault(*fault, path);
  }
  VIBRATO_ASSIGN_OR_RETURN(auto file, base_.open(path, mode));
  return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, std::move(file)));
}

Result<std::unique_ptr<ReadOnlyMap>> FaultyFileSystem::map_read_only(const std::string& path) {
  if (const auto fault = strike(IoCall::kMap, path)) {
    return error_of_fault(*fault, path);
  }
  return base_.map_read_only(path);
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  return run(IoCall::kRename, from, to, [&] { return base_.rename(from, to); });
}

Status FaultyFileSystem::hard_link(const std::string& from, const std::string& to) {
  return run(IoCall::kHardLink, from, to, [&] { return base_.hard_link(from, to); });
}

Status FaultyFileSystem::remove_file(const std::string& path) {
  return run(IoCall::kRemoveFile, path, "", [&] { return base_.remove_file(path); });
}

Status FaultyFileSystem::create_directory(const std::string& path) {
  return run(IoCall::kCreateDirectory, path, "", [&] { return base_.create_directory(path); });
}

Status FaultyFileSystem::remove_directory(const std::string& path) {
  return run(IoCall::kRemoveDirectory, path, "", [&] { return base_.remove_directory(path); });
}

Result<std::vector<FileInfo>> FaultyFileSystem::list_directory(const std::string& path) {
  if (const auto fault = strike(IoCall::kListDirectory, path)) {
    return error_of_fault(*fault, path);
  }
  return base_.list_directory(path);
}

Result<FileInfo> FaultyFileSystem::stat(const std::string& path) {
  if (const auto fault = strike(IoCall::kStat, path)) {
    return error_of_fault(*fault, path);
  }
  return base_.stat(path);
}

Status FaultyFileSystem::sync_directory(const std::string& path) {
  return run(IoCall::kSyncDirectory, path, "", [&] { return base_.sync_directory(path); });
}

Result<std::unique_ptr<DirectoryLock>> FaultyFileSystem::lock_directory(const std::string& path) {
  if (const auto fault = strike(IoCall::kLockDirectory, path)) {
    return error_of_fault(*fault, path);
  }
  return base_.lock_directory(path);
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& path) {
  if (const auto fault = strike(IoCall::kFreeBytes, path)) {
    return error_of_fault(*fault, path);
  }
  return base_.free_bytes(path);
}

}  // namespace vibrato::io
