// When a full disk ends being one: exactly when the reserve fits again, with a margin beside it.
#include "engine/disk_space.hpp"

#include <gtest/gtest.h>

#include "io/simulated_file_system.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kReserve = 256 * 1024;

class DiskSpaceTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(disk_.create_directory("/data")); }
  [[nodiscard]] bool has_reserve() {
    const auto found = disk_.stat("/data/reserve");
    return found.ok() && found->size_bytes == kReserve;
  }

  io::SimulatedFileSystem disk_;
  Logger logger_{LogLevel::kOff};
};

TEST_F(DiskSpaceTest, writes_are_taken_again_once_the_reserve_and_the_margin_fit) {
  DiskSpace space(disk_, "/data", kReserve, logger_);
  space.prepare();
  ASSERT_TRUE(has_reserve());
  EXPECT_TRUE(space.report_full());
  EXPECT_FALSE(has_reserve());
  EXPECT_CODE(space.check(), ErrorCode::kDiskFull);

  disk_.set_capacity(kReserve + kDiskMarginBytes - 1);
  space.probe();
  EXPECT_TRUE(space.is_full());
  EXPECT_FALSE(has_reserve());
  disk_.set_capacity(kReserve + kDiskMarginBytes);
  space.probe();
  EXPECT_FALSE(space.is_full());
  EXPECT_OK(space.check());
  EXPECT_TRUE(has_reserve());
}

TEST_F(DiskSpaceTest, without_a_reserve_the_margin_alone_counts) {
  DiskSpace space(disk_, "/data", 0, logger_);
  space.prepare();
  EXPECT_FALSE(space.report_full());
  disk_.set_capacity(kDiskMarginBytes - 1);
  space.probe();
  EXPECT_TRUE(space.is_full());
  disk_.set_capacity(kDiskMarginBytes);
  space.probe();
  EXPECT_FALSE(space.is_full());
}

TEST_F(DiskSpaceTest, a_reserve_that_could_not_be_made_is_made_once_there_is_room_beside_it) {
  disk_.set_capacity(kReserve - 1);
  DiskSpace space(disk_, "/data", kReserve, logger_);
  space.prepare();
  EXPECT_TRUE(space.is_full());
  EXPECT_FALSE(has_reserve());
  disk_.set_capacity(kReserve + kDiskMarginBytes);
  space.probe();
  EXPECT_FALSE(space.is_full());
  EXPECT_TRUE(has_reserve());
}

}  // namespace
}  // namespace vibrato::engine
