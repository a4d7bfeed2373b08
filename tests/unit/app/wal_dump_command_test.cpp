#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "io/safe_path.hpp"
#include "support/fake_clock.hpp"
#include "support/log_records.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::app {
namespace {

using ::testing::HasSubstr;

class WalDumpTest : public ::testing::Test {
 protected:
  // Six records in three groups; closed unless told otherwise.
  void make_log(bool close = true) {
    const auto log = test::open_log(fs_, folder_.path("wal"), test::small_log_options());
    ASSERT_TRUE(log);
    for (int i = 0; i < 3; ++i) {
      test::commit_group(*log, {"body", std::string(300, 'z')}, 1000 + i);
    }
    if (close) {
      ASSERT_OK(log->close());
    }
  }

  ExitCode run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    arguments.insert(arguments.begin(), "wal-dump");
    CommandContext context{fs_, clock_, in_, out_, err_};
    return run_command_line(arguments, {make_wal_dump_command()}, context);
  }

  [[nodiscard]] std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> lines;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  io::RealFileSystem fs_;
  test::FakeClock clock_;
  test::TempDirectory folder_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(WalDumpTest, prints_every_record_as_a_line_of_json) {
  make_log();
  ASSERT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kDone) << err_.str();
  EXPECT_EQ(err_.str(), "");
  const auto records = lines();
  ASSERT_EQ(records.size(), 6U);
  EXPECT_EQ(records[0].dump(),
            R"({"body_bytes":4,"body_hex":"626f6479","collection":70004,"last_of_group":false,"lsn":1,"time_ms":1000,)"
            R"("type":4})");
  EXPECT_EQ(records[5]["lsn"], 6);
  EXPECT_EQ(records[5]["last_of_group"], true);
  EXPECT_EQ(records[5]["body_bytes"], 300);
  EXPECT_EQ(records[5]["body_hex"].get<std::string>().size(), 128U);
}

TEST_F(WalDumpTest, shows_the_part_that_is_asked_for) {
  make_log();
  ASSERT_EQ(run({"--data-dir", folder_.path(), "--from-lsn", "3", "--limit", "2", "--body-bytes", "0"}),
            ExitCode::kDone);
  const auto records = lines();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["lsn"], 3);
  EXPECT_FALSE(records[0].contains("body_hex"));
}

TEST_F(WalDumpTest, refuses_while_another_process_holds_the_folder) {
  make_log();
  const auto lock = fs_.lock_directory(folder_.path());
  ASSERT_OK(lock);
  EXPECT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kFailed);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("another process holds"));
  EXPECT_THAT(err_.str(), HasSubstr("snapshot-create --server"));
}

TEST_F(WalDumpTest, makes_no_file_and_takes_a_folder_that_cannot_be_written_to) {
  make_log();
  ASSERT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kDone);
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "wal");
  ASSERT_OK(fs_.lock_directory(folder_.path()));  // Leaves the file.
  io::FaultyFileSystem read_only(fs_);
  for (const io::IoCall call :
       {io::IoCall::kLockDirectory, io::IoCall::kWrite, io::IoCall::kSync, io::IoCall::kTruncate, io::IoCall::kRename,
        io::IoCall::kRemoveFile, io::IoCall::kCreateDirectory}) {
    read_only.add_rule({.fault = io::Fault::kIoError, .call = call, .for_good = true});
  }
  out_.str("");
  CommandContext context{read_only, clock_, in_, out_, err_};
  ASSERT_EQ(run_command_line({"wal-dump", "--data-dir", folder_.path()}, {make_wal_dump_command()}, context),
            ExitCode::kDone)
      << err_.str();
  EXPECT_EQ(lines().size(), 6U);
  EXPECT_EQ(read_only.fault_count(), 1U);  // The lock.
  EXPECT_THAT(err_.str(), HasSubstr("read without its lock"));
}

TEST_F(WalDumpTest, says_when_there_is_no_log) {
  EXPECT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is no log in"));
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "");
}

TEST_F(WalDumpTest, prints_what_comes_before_damage_and_names_it) {
  make_log();
  const auto files = fs_.list_directory(folder_.path("wal"));
  ASSERT_OK(files);
  const std::string last = folder_.path("wal/" + files->at(files->size() - 2).name);  // "state" comes last.
  const auto file = fs_.open(last, io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(*(*file)->size() - 1, test::bytes_of("!")));
  EXPECT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kFailed);
  EXPECT_FALSE(lines().empty());
  EXPECT_LT(lines().size(), 6U);
  EXPECT_THAT(err_.str(), HasSubstr(io::file_name_of(last)));
}

TEST_F(WalDumpTest, leaves_a_torn_tail_where_it_is) {
  make_log(false);
  const auto files = fs_.list_directory(folder_.path("wal"));
  ASSERT_OK(files);
  const std::string last = folder_.path("wal/" + files->at(files->size() - 2).name);
  {
    const auto file = fs_.open(last, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(*(*file)->size(), test::bytes_of("half a frame that was never synced, you see")));
  }
  const std::string before = *test::read_text(fs_, last);
  EXPECT_EQ(run({"--data-dir", folder_.path()}), ExitCode::kDone);
  EXPECT_EQ(lines().size(), 6U);
  EXPECT_THAT(err_.str(), HasSubstr("was not closed"));
  EXPECT_EQ(*test::read_text(fs_, last), before);
}

}  // namespace
}  // namespace vibrato::app
