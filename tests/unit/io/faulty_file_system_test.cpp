// FaultyFileSystem: faults strike the calls of their rule, once or for good, and leave the rest alone.
#include "io/faulty_file_system.hpp"

#include <gtest/gtest.h>

#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"

namespace vibrato::io {
namespace {

using test::bytes_of;
using test::read_text;
using test::write_text;

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  SimulatedFileSystem base_;
  FaultyFileSystem fs_{base_};
};

TEST_F(FaultyFileSystemTest, a_rule_by_call_strikes_once_and_is_spent) {
  fs_.add_rule({.fault = Fault::kIoError, .call = IoCall::kRename});
  write_text(fs_, "/a", "x");
  EXPECT_CODE(fs_.rename("/a", "/b"), ErrorCode::kIoError);
  EXPECT_EQ(read_text(base_, "/a"), "x") << "a struck call does nothing";
  EXPECT_OK(fs_.rename("/a", "/b"));
  EXPECT_EQ(fs_.fault_count(), 1U);
}

TEST_F(FaultyFileSystemTest, a_rule_for_good_strikes_until_it_is_taken_away) {
  fs_.add_rule({.fault = Fault::kDiskFull, .call = IoCall::kOpen, .path_part = "b", .for_good = true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_CODE(fs_.open("/b", OpenMode::kCreateNew), ErrorCode::kDiskFull);
    EXPECT_OK(fs_.open("/a", OpenMode::kCreateTruncate));
  }
  fs_.clear_rules();
  EXPECT_OK(fs_.open("/b", OpenMode::kCreateNew));
}

TEST_F(FaultyFileSystemTest, a_rule_can_name_the_end_of_a_path) {
  fs_.add_rule({.call = IoCall::kCreateDirectory, .path_end = "a", .for_good = true});
  EXPECT_CODE(fs_.create_directory("/a"), ErrorCode::kIoError);
  EXPECT_OK(fs_.create_directory("/ab"));
}

TEST_F(FaultyFileSystemTest, a_rule_by_number_strikes_that_call_and_for_good_all_later_ones) {
  fs_.add_rule({.operation = 1});
  EXPECT_OK(fs_.create_directory("/0"));
  EXPECT_CODE(fs_.create_directory("/1"), ErrorCode::kIoError);
  EXPECT_OK(fs_.create_directory("/2"));
  fs_.add_rule({.operation = 4, .for_good = true});
  EXPECT_OK(fs_.create_directory("/3"));
  EXPECT_CODE(fs_.create_directory("/4"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.stat("/3"), ErrorCode::kIoError);
  EXPECT_EQ(fs_.operation_count(), 6U);
}

TEST_F(FaultyFileSystemTest, the_first_calls_can_be_let_through) {
  fs_.add_rule({.call = IoCall::kSync, .skip = 2});
  const auto file = fs_.open("/a", OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->sync());
  EXPECT_OK((*file)->sync());
  EXPECT_CODE((*file)->sync(), ErrorCode::kIoError);
  EXPECT_OK((*file)->sync());
}

TEST_F(FaultyFileSystemTest, a_short_write_leaves_half_and_says_that_the_disk_is_full) {
  fs_.add_rule({.fault = Fault::kShortWrite, .call = IoCall::kWrite});
  const auto file = fs_.open("/a", OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_CODE((*file)->write_at(0, bytes_of("12345678")), ErrorCode::kDiskFull);
  EXPECT_EQ(read_text(base_, "/a"), "1234");
}

TEST_F(FaultyFileSystemTest, a_short_read_fails_after_half_of_the_bytes) {
  write_text(base_, "/a", "12345678");
  fs_.add_rule({.fault = Fault::kShortRead, .call = IoCall::kRead});
  const auto file = fs_.open("/a", OpenMode::kReadOnly);
  ASSERT_OK(file);
  std::vector<std::byte> out(8);
  EXPECT_CODE((*file)->read_at(0, out), ErrorCode::kIoError);
  EXPECT_EQ(test::text_of(out), std::string("1234\0\0\0\0", 8));
}

TEST_F(FaultyFileSystemTest, an_ignored_sync_answers_ok_and_syncs_nothing) {
  write_text(fs_, "/a", "x");
  ASSERT_OK(fs_.sync_directory("/"));
  fs_.add_rule({.fault = Fault::kIgnored, .call = IoCall::kSync, .for_good = true});
  {
    const auto file = fs_.open("/a", OpenMode::kReadWrite);
    ASSERT_OK(file);
    EXPECT_OK((*file)->sync());
  }
  base_.restart(CrashMode::kKeepNone, 1);
  EXPECT_EQ(read_text(base_, "/a"), "");
}

TEST_F(FaultyFileSystemTest, every_call_can_fail) {
  write_text(base_, "/a", "x");
  const auto file = fs_.open("/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  fs_.add_rule({.for_good = true});
  std::vector<std::byte> out(1);
  EXPECT_CODE((*file)->read_at(0, out), ErrorCode::kIoError);
  EXPECT_CODE((*file)->write_at(0, out), ErrorCode::kIoError);
  EXPECT_CODE((*file)->sync(), ErrorCode::kIoError);
  EXPECT_CODE((*file)->truncate(0), ErrorCode::kIoError);
  EXPECT_CODE((*file)->size(), ErrorCode::kIoError);
  EXPECT_CODE(fs_.open("/a", OpenMode::kReadOnly), ErrorCode::kIoError);
  EXPECT_CODE(fs_.map_read_only("/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.rename("/a", "/b"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.hard_link("/a", "/b"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.remove_file("/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.create_directory("/x"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.remove_directory("/x"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.list_directory("/"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.stat("/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.sync_directory("/"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.lock_directory("/"), ErrorCode::kIoError);
  EXPECT_CODE(fs_.free_bytes("/"), ErrorCode::kIoError);
  EXPECT_EQ(fs_.fault_count(), 17U);
  EXPECT_EQ(read_text(base_, "/a"), "x");
  EXPECT_EQ(test::names_in(base_, "/"), "a");
}

}  // namespace
}  // namespace vibrato::io
