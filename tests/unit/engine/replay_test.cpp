// What a replay applies of a log that ends in damage: whole groups.
#include <array>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <vector>

#include "engine/recovery.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::engine {
namespace {

constexpr std::array<std::uint16_t, 1> kTypes{7};

class Tally final : public commit::Model {
 public:
  [[nodiscard]] std::string_view name() const override { return "tally"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override { return kTypes; }
  void stage(const wal::StoredRecord&) override {}
  void unstage_from(Lsn) override {}
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override {
    text += std::string(reinterpret_cast<const char*>(record.body.data()), record.body.size());
    lsns.push_back(record.lsn.value());
    return ok_status();
  }
  [[nodiscard]] Lsn durable_lsn() const override { return {}; }
  [[nodiscard]] Status save(Lsn) override { return ok_status(); }
  [[nodiscard]] Status load() override { return ok_status(); }

  std::string text;
  std::vector<std::uint64_t> lsns;
};

// Records of a letter each; those behind `ends` end their group. Every body lies in the same place, as a cursor may do.
class Letters final : public wal::Log, public wal::LogCursor {
 public:
  Letters(std::string letters, std::vector<std::uint64_t> ends, std::uint64_t damaged_lsn)
      : letters_(std::move(letters)), ends_(std::move(ends)), damaged_lsn_(damaged_lsn) {}

  [[nodiscard]] Result<std::optional<wal::StoredRecord>> next() override {
    if (++lsn_ == damaged_lsn_) {
      return corruption("a flipped bit");
    }
    if (lsn_ > letters_.size()) {
      return std::optional<wal::StoredRecord>();
    }
    body_[0] = std::byte(letters_[lsn_ - 1]);
    wal::StoredRecord record;
    record.lsn = Lsn(lsn_);
    record.type = kTypes[0];
    record.last_of_group = std::find(ends_.begin(), ends_.end(), lsn_) != ends_.end();
    record.body = body_;
    return std::optional(record);
  }

  [[nodiscard]] Result<std::unique_ptr<wal::LogCursor>> read_from(Lsn) override {
    return std::unique_ptr<wal::LogCursor>(std::make_unique<Letters>(letters_, ends_, damaged_lsn_));
  }
  [[nodiscard]] wal::LogEnd end() const override { return {Lsn(letters_.size()), Lsn(letters_.size() + 1), {}, 0}; }
  [[nodiscard]] Result<wal::LsnRange> append(std::span<const wal::RecordGroup>, Lsn) override {
    return unavailable("read only");
  }
  [[nodiscard]] Result<Lsn> sync() override { return Lsn(); }
  [[nodiscard]] Status trim(Lsn) override { return ok_status(); }
  [[nodiscard]] Status prepare() override { return ok_status(); }
  [[nodiscard]] Status close() override { return ok_status(); }
  [[nodiscard]] Status health() const override { return ok_status(); }
  [[nodiscard]] wal::LogStats stats() const override { return {}; }

 private:
  std::string letters_;
  std::vector<std::uint64_t> ends_;
  std::uint64_t damaged_lsn_;
  std::uint64_t lsn_ = 0;
  std::array<std::byte, 1> body_{};
};

RecoveryReport replayed(Letters log, Tally& tally) {
  std::array<commit::Model*, 1> models{&tally};
  commit::VisibleLsn visible;
  auto report = replay(log, commit::ModelSet(models), visible, {});
  EXPECT_OK(report);
  return report.ok() ? *report : RecoveryReport();
}

TEST(Replay, applies_groups_in_the_order_of_the_log) {
  Tally tally;
  const RecoveryReport report = replayed(Letters("abcdef", {1, 4, 6}, 0), tally);
  EXPECT_EQ(tally.text, "abcdef");
  EXPECT_EQ(tally.lsns, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(report.records, 6U);
  EXPECT_EQ(report.last_group_end, Lsn(6));
  EXPECT_OK(report.damage);
}

TEST(Replay, of_a_group_with_damage_in_it_nothing_is_applied) {
  for (const std::uint64_t damaged : std::initializer_list<std::uint64_t>{2, 3, 4}) {
    SCOPED_TRACE(damaged);
    Tally tally;
    const RecoveryReport report = replayed(Letters("abcdef", {1, 4, 6}, damaged), tally);
    EXPECT_EQ(tally.text, "a");
    EXPECT_EQ(report.last_group_end, Lsn(1));
    EXPECT_CODE(report.damage, ErrorCode::kCorruption);
  }
}

TEST(Replay, a_group_without_its_end_is_left_out) {
  Tally tally;
  EXPECT_EQ(replayed(Letters("abc", {1}, 0), tally).last_group_end, Lsn(1));
  EXPECT_EQ(tally.text, "a");
}

}  // namespace
}  // namespace vibrato::engine
