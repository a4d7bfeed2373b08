#include "overlay/choose_rows.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/row_stores.hpp"

namespace vibrato::overlay {
namespace {

using test::made_row;

constexpr Lsn kNow{1'000'000};

class ChooseRowsTest : public ::testing::Test {
 protected:
  void put(std::uint64_t lsn, const std::string& key) { rows_->put(key, made_row(lsn, "v"), Lsn(lsn - 1)); }
  std::string chosen(const RowsToChoose& which, const std::function<bool(const Row&)>& takes) {
    const auto rows = choose_rows(*rows_, range_of_prefix(""), kNow, which, takes);
    EXPECT_OK(rows);
    std::string text;
    for (const ChosenRow& row : rows.ok() ? *rows : std::vector<ChosenRow>()) {
      text += fmt::format("{}{}@{}", text.empty() ? "" : " ", row.key, row.revision.value());
    }
    return text;
  }

  io::SimulatedFileSystem fs_;
  sqlite::Vfs vfs_{fs_};
  std::unique_ptr<RowStore> rows_ = test::open_rows(vfs_);
};

TEST_F(ChooseRowsTest, rows_of_the_file_and_above_it_in_byte_order) {
  put(1, "c");
  put(2, "a");
  ASSERT_OK(rows_->save(Lsn(2)));
  put(3, "b");
  put(4, "a");
  rows_->erase("c", Lsn(5), Lsn(4));
  const auto all = [](const Row&) { return true; };
  EXPECT_EQ(chosen({.count = 10}, all), "a@4 b@3");
  EXPECT_EQ(chosen({.count = 1}, all), "a@4");
}

TEST_F(ChooseRowsTest, what_was_written_later_or_is_not_wanted_is_passed_over_however_much_that_is) {
  for (std::uint64_t lsn = 1; lsn <= 50; ++lsn) {
    put(lsn, fmt::format("{:02}", lsn < 40 ? 50 - lsn : lsn - 40));
  }
  EXPECT_EQ(chosen({.count = 2, .written_up_to = Lsn(3)}, [](const Row&) { return true; }), "47@3 48@2");
  EXPECT_EQ(chosen({.count = 5}, [](const Row& row) { return row.lsn == Lsn(7); }), "43@7");
}

TEST_F(ChooseRowsTest, ends_at_its_deadline) {
  for (std::uint64_t lsn = 1; lsn <= 2000; ++lsn) {
    put(lsn, fmt::format("{:04}", lsn));
  }
  test::FakeClock clock;
  const RowsToChoose which{.count = 1, .deadline = Deadline(clock, clock.monotonic_ns())};
  EXPECT_CODE(choose_rows(*rows_, range_of_prefix(""), kNow, which, [](const Row&) { return false; }),
              ErrorCode::kTimeout);
}

}  // namespace
}  // namespace vibrato::overlay
