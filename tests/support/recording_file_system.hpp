// A file system that remembers which advice was given about maps.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/faulty_file_system.hpp"

namespace vibrato::test {

// What was advised about maps of one file system. Thread-safety: all methods, from many threads.
class Advice {
 public:
  using Access = io::ReadOnlyMap::Access;
  struct Given {
    Access access = Access::kNormal;
    std::uint64_t offset = 0;
    std::uint64_t length_bytes = 0;
    bool operator==(const Given&) const = default;
  };

  void add(const Given& given) {
    const std::lock_guard lock(mutex_);
    given_.push_back(given);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    given_.clear();
  }
  [[nodiscard]] std::vector<Given> all() const {
    const std::lock_guard lock(mutex_);
    return given_;
  }

 private:
  mutable std::mutex mutex_;  // Guards given_.
  std::vector<Given> given_;
};

class RecordingMap final : public io::ReadOnlyMap {
 public:
  RecordingMap(std::unique_ptr<io::ReadOnlyMap> map, std::shared_ptr<Advice> advice)
      : map_(std::move(map)), advice_(std::move(advice)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const override { return map_->bytes(); }
  void advise(Access access, std::uint64_t offset, std::uint64_t length_bytes) const override {
    advice_->add({access, offset, length_bytes});
    map_->advise(access, offset, length_bytes);
  }

 private:
  std::unique_ptr<io::ReadOnlyMap> map_;
  std::shared_ptr<Advice> advice_;
};

class RecordingFileSystem final : public io::FaultyFileSystem {
 public:
  using Access = io::ReadOnlyMap::Access;
  using FaultyFileSystem::FaultyFileSystem;

  [[nodiscard]] Result<std::unique_ptr<io::ReadOnlyMap>> map_read_only(const std::string& path) override {
    VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, FaultyFileSystem::map_read_only(path));
    return std::unique_ptr<io::ReadOnlyMap>(std::make_unique<RecordingMap>(std::move(map), advice_));
  }
  void clear() { advice_->clear(); }
  [[nodiscard]] bool was_given(Access access, std::uint64_t offset, std::uint64_t length_bytes) const {
    const auto all = advice_->all();
    return std::find(all.begin(), all.end(), Advice::Given{access, offset, length_bytes}) != all.end();
  }
  [[nodiscard]] std::size_t count(Access access) const {
    const auto all = advice_->all();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [access](const Advice::Given& one) { return one.access == access; }));
  }
  [[nodiscard]] std::size_t count() const { return advice_->all().size(); }

 private:
  std::shared_ptr<Advice> advice_ = std::make_shared<Advice>();
};

}  // namespace vibrato::test
