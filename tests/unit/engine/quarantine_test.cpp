// The quarantine gives files up by age, number and size, and never what is not the database's.
#include "engine/quarantine.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <vector>

#include "engine/database_impl.hpp"
#include "support/disk_files.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;
constexpr std::int64_t kHourMs = 3'600'000;

class QuarantineTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(disk_.create_directory("/q")); }
  void make(const std::string& name, std::uint64_t bytes = 10) {
    const auto file = disk_.open("/q/" + name, io::OpenMode::kCreateNew);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, std::vector<std::byte>(bytes)));
  }
  static std::string name(std::int64_t time_ms, int number) {
    return fmt::format("{:013}-segment-{:016}.vdb", time_ms, number);
  }
  std::vector<std::string> names() { return test::entries_in(disk_, "/q"); }
  void trim(const Quarantine::Limits& limits) { Quarantine(disk_, "/q", limits, logger_, metrics_).trim(kNowMs); }
  [[nodiscard]] std::uint64_t evictions() { return metrics_.counter("vibrato_quarantine_evictions_total", "").value(); }

  io::SimulatedFileSystem disk_;
  Logger logger_{LogLevel::kOff};
  MetricsRegistry metrics_;
};

TEST_F(QuarantineTest, what_is_too_old_goes) {
  make(name(kNowMs - kHourMs, 1));
  make(name(kNowMs - kHourMs + 1, 2));
  make(name(kNowMs + kHourMs, 3));  // The clock was set back since.
  make("pack-0000000000000004.vdb");
  trim({kHourMs, 100, 1000});
  EXPECT_EQ(names(), (std::vector<std::string>{name(kNowMs - kHourMs + 1, 2), name(kNowMs + kHourMs, 3),
                                               "pack-0000000000000004.vdb"}));
  EXPECT_EQ(evictions(), 0U);
}

TEST_F(QuarantineTest, what_is_too_many_or_too_large_goes_the_oldest_first) {
  make(name(kNowMs - 30, 3));
  make(name(kNowMs - 20, 2));
  make(name(kNowMs - 10, 1));
  make("segment-0000000000000009.vdb");
  trim({kHourMs, 3, 1000});
  EXPECT_EQ(names(), (std::vector<std::string>{name(kNowMs - 30, 3), name(kNowMs - 20, 2), name(kNowMs - 10, 1)}));
  trim({kHourMs, 3, 19});
  EXPECT_EQ(names(), (std::vector<std::string>{name(kNowMs - 10, 1)}));
  EXPECT_EQ(evictions(), 3U);
}

TEST_F(QuarantineTest, what_is_not_ours_is_neither_counted_nor_removed) {
  const std::vector<std::string> foreign = {"1-segment-0000000000000001.vdb", "1600000000000-notes.txt",
                                            "1600000000000-segment-0000000000000001.vdb.bak",
                                            "1600000000000segment-0000000000000001.vdb", "notes.txt"};
  for (const std::string& one : foreign) {
    make(one, 1000);
  }
  make(name(kNowMs, 1));
  trim({kHourMs, 1, 10});
  EXPECT_EQ(names().size(), foreign.size() + 1);
  trim({0, 0, 0});
  EXPECT_EQ(names(), foreign);
}

TEST_F(QuarantineTest, a_database_expires_what_a_start_put_there) {
  test::MadeDatabase database(disk_);
  database.options().orphan_ttl_hours = 2;
  ASSERT_OK(database.open());
  database->stop();
  ASSERT_OK(disk_.open("/data/segments/segment-0000000000000007.vdb", io::OpenMode::kCreateNew));
  ASSERT_OK(database.open());
  const auto count = [&] { return disk_.list_directory("/data/quarantine")->size(); };
  EXPECT_EQ(count(), 1U);
  database.clock().advance_ms(2 * kHourMs - 1);
  database->impl().quarantine.trim(database.clock().now_ms());
  EXPECT_EQ(count(), 1U);
  database.clock().advance_ms(1);
  database->impl().quarantine.trim(database.clock().now_ms());
  EXPECT_EQ(count(), 0U);
}

}  // namespace
}  // namespace vibrato::engine
