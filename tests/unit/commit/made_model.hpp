// A small model for tests of the sequencer: keys with numbers, changed by "put" and "del" records.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commit/model.hpp"
#include "commit/write.hpp"
#include "support/file_contents.hpp"

namespace vibrato::test {

class NumbersModel final : public commit::Model {
 public:
  static constexpr std::uint16_t kPut = 11;

  [[nodiscard]] std::string_view name() const override { return "numbers"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override { return kTypes; }

  void stage(const wal::StoredRecord& record) override {
    staged_.emplace_back(record.lsn, parse(record));
    ++staged_count;
  }
  void unstage_from(Lsn lsn) override {
    std::erase_if(staged_, [lsn](const auto& entry) { return entry.first >= lsn; });
  }
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override {
    if (fail_apply) {
      return invalid_argument("as the test asks");
    }
    if (on_apply) {
      on_apply(record);
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(staged_, [&](const auto& entry) { return entry.first == record.lsn; });
    const auto [key, value] = parse(record);
    values_[key] = value;
    applied_.push_back(record.lsn);
    times_.push_back(record.time_ms);
    return ok_status();
  }
  [[nodiscard]] Lsn durable_lsn() const override { return durable_; }
  [[nodiscard]] Status save(Lsn up_to) override {
    durable_ = up_to;
    return ok_status();
  }
  [[nodiscard]] Status load() override { return ok_status(); }

  // What a validation must see: staged values before applied ones.
  [[nodiscard]] int staged_value(const std::string& key) const {
    for (auto entry = staged_.rbegin(); entry != staged_.rend(); ++entry) {
      if (entry->second.first == key) {
        return entry->second.second;
      }
    }
    return value(key);
  }
  [[nodiscard]] int value(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    return found == values_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::vector<Lsn> applied() const {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  [[nodiscard]] std::vector<std::int64_t> times() const {
    const std::lock_guard lock(mutex_);
    return times_;
  }

  bool fail_apply = false;
  std::function<void(const wal::StoredRecord&)> on_apply;
  int staged_count = 0;

 private:
  static constexpr std::array<std::uint16_t, 1> kTypes = {kPut};

  static std::pair<std::string, int> parse(const wal::StoredRecord& record) {
    const std::string text = text_of(record.body);
    const std::size_t equals = text.find('=');
    return {text.substr(0, equals), std::stoi(text.substr(equals + 1))};
  }

  std::vector<std::pair<Lsn, std::pair<std::string, int>>> staged_;
  mutable std::mutex mutex_;  // Guards the members below.
  std::map<std::string, int> values_;
  std::vector<Lsn> applied_;
  std::vector<std::int64_t> times_;
  Lsn durable_;
};

// A write from a function.
class MadeWrite final : public commit::Write {
 public:
  using Body = std::function<Status(commit::EffectList&)>;
  explicit MadeWrite(Body body) : body_(std::move(body)) {}
  [[nodiscard]] Status validate(commit::EffectList& effects) override { return body_(effects); }
  [[nodiscard]] std::uint64_t bytes() const override { return 100; }

 private:
  Body body_;
};

inline std::vector<std::byte> owned_bytes(const std::string& text) {
  const auto bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

inline void add_put(commit::EffectList& effects, const std::string& key, int value) {
  effects.add(NumbersModel::kPut, CollectionNumber(1), owned_bytes(key + "=" + std::to_string(value)));
}

// Adds one to the number of `key`.
inline std::unique_ptr<commit::Write> increment(NumbersModel& model, const std::string& key) {
  return std::make_unique<MadeWrite>([&model, key](commit::EffectList& effects) {
    add_put(effects, key, model.staged_value(key) + 1);
    return ok_status();
  });
}

}  // namespace vibrato::test
