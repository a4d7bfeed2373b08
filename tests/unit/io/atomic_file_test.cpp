// AtomicFile: old or new, never a mix, at a power loss after each I/O and at a failure of each call; and the checks
// notice when a barrier is taken out.
#include "io/atomic_file.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"

namespace vibrato::io {
namespace {

using test::bytes_of;
using test::names_in;
using test::read_text;
using test::write_durable_text;

const std::string kOld(1300, 'o');
const std::string kNew = std::string(1024, 'n') + std::string(900, 'N');

// Writes kNew over /db/a in two pieces, as a writer of large files does.
Status replace_a(FileSystem& fs) {
  VIBRATO_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(fs, "/db/a"));
  VIBRATO_RETURN_IF_ERROR(file.append(bytes_of(kNew).first(700)));
  VIBRATO_RETURN_IF_ERROR(file.append(bytes_of(kNew).subspan(700)));
  return file.commit();
}

// A durable /db, with kOld in /db/a if `has_old`.
void prepare(SimulatedFileSystem& fs, bool has_old) {
  ASSERT_OK(fs.create_directory("/db"));
  ASSERT_OK(fs.sync_directory("/"));
  if (has_old) {
    write_durable_text(fs, "/db", "a", kOld);
  }
}

std::uint64_t operations_of_replacing() {
  SimulatedFileSystem fs;
  prepare(fs, true);
  const std::uint64_t before = fs.operation_count();
  EXPECT_OK(replace_a(fs));
  return fs.operation_count() - before;
}

// What is wrong with /db/a after a power loss; empty if nothing is.
std::string judge(FileSystem& fs, bool has_old, bool acknowledged) {
  const auto found = read_text(fs, "/db/a");
  if (found == kNew) {
    return "";
  }
  if (acknowledged) {
    return "an acknowledged file is lost";
  }
  const bool is_old = has_old ? found == kOld : !found.has_value();
  return is_old ? "" : "the file is neither the old one nor the new one";
}

// Cuts the power after each number of I/Os, in every mode, with `barrier` taken out if given; returns what went wrong.
std::vector<std::string> sweep(bool has_old, std::optional<IoCall> removed_barrier = std::nullopt) {
  std::vector<std::string> faults;
  const std::uint64_t operations = operations_of_replacing();
  for (std::uint64_t cut = 0; cut <= operations + 1; ++cut) {
    for (const CrashMode mode : kAllCrashModes) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SimulatedFileSystem disk;
        prepare(disk, has_old);
        FaultyFileSystem fs(disk);
        if (removed_barrier) {
          fs.add_rule({.fault = Fault::kIgnored, .call = removed_barrier, .for_good = true});
        }
        disk.cut_power_after(cut);
        const bool acknowledged = replace_a(fs).ok();
        disk.restart(mode, seed);
        if (std::string fault = judge(disk, has_old, acknowledged); !fault.empty()) {
          faults.push_back(fault + " (cut " + std::to_string(cut) + ", mode " + std::to_string(static_cast<int>(mode)) +
                           ", seed " + std::to_string(seed) + ")");
        }
      }
    }
  }
  return faults;
}

TEST(AtomicFile, follows_its_steps_in_order) {
  SimulatedFileSystem fs;
  prepare(fs, true);
  const std::size_t before = fs.operations().size();
  ASSERT_OK(replace_a(fs));
  using Kind = SimulatedOperation::Kind;
  std::vector<Kind> kinds;
  for (const SimulatedOperation& operation : fs.operations()) {
    kinds.push_back(operation.kind);
  }
  kinds.erase(kinds.begin(), kinds.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kCreate, Kind::kWrite, Kind::kWrite, Kind::kSync, Kind::kRename,
                                      Kind::kSyncDirectory}));
  EXPECT_EQ(names_in(fs, "/db"), "a");
  EXPECT_EQ(read_text(fs, "/db/a"), kNew);
}

TEST(AtomicFile, leaves_nothing_behind_when_it_is_not_committed) {
  SimulatedFileSystem fs;
  prepare(fs, true);
  {
    auto file = AtomicFile::create(fs, "/db/a");
    ASSERT_OK(file);
    ASSERT_OK(file->append(bytes_of("half")));
    const AtomicFile moved = std::move(*file);
    EXPECT_NE(names_in(fs, "/db"), "a");
  }
  EXPECT_EQ(names_in(fs, "/db"), "a");
  EXPECT_EQ(read_text(fs, "/db/a"), kOld);
}

TEST(AtomicFile, can_be_written_in_any_order) {
  SimulatedFileSystem fs;
  auto file = AtomicFile::create(fs, "a");
  ASSERT_OK(file);
  EXPECT_OK(file->file().write_at(4, bytes_of("body")));
  EXPECT_OK(file->file().write_at(0, bytes_of("head")));
  EXPECT_OK(file->commit());
  EXPECT_EQ(read_text(fs, "a"), "headbody");
}

TEST(AtomicFile, overwrites_what_a_crash_left_of_an_earlier_one) {
  SimulatedFileSystem fs;
  prepare(fs, true);
  test::write_text(fs, "/db/a" + std::string(kTemporarySuffix), std::string(5000, 'x'));
  EXPECT_OK(write_file_atomically(fs, "/db/a", bytes_of("new")));
  EXPECT_EQ(read_text(fs, "/db/a"), "new");
  EXPECT_EQ(names_in(fs, "/db"), "a");
}

TEST(AtomicFile, a_private_file_is_private_also_over_what_a_crash_left) {
  SimulatedFileSystem fs;
  prepare(fs, false);
  test::write_text(fs, "/db/a" + std::string(kTemporarySuffix), std::string(5000, 'x'));
  EXPECT_OK(write_private_file_atomically(fs, "/db/a", bytes_of("secret")));
  EXPECT_OK(write_private_file_atomically(fs, "/db/a", bytes_of("second")));
  const auto file = fs.open("/db/a", OpenMode::kReadOnlyPrivate);
  ASSERT_OK(file);
  EXPECT_EQ(read_text(**file), "second");
  EXPECT_EQ(names_in(fs, "/db"), "a");
}

// What a disk that keeps names in any order may leave of a rename.
TEST(AtomicFile, leaves_the_old_file_whole_when_the_leftover_is_a_second_name_of_it) {
  SimulatedFileSystem fs;
  prepare(fs, true);
  test::write_text(fs, "/db/a", "old");
  ASSERT_OK(fs.hard_link("/db/a", "/db/a" + std::string(kTemporarySuffix)));
  const auto file = AtomicFile::create(fs, "/db/a");
  ASSERT_OK(file);
  EXPECT_EQ(read_text(fs, "/db/a"), "old");
}

TEST(AtomicFile, is_old_or_new_after_a_power_loss_at_each_io) {
  EXPECT_EQ(sweep(true), std::vector<std::string>{});
}

TEST(AtomicFile, is_absent_or_whole_when_the_file_is_new) {
  EXPECT_EQ(sweep(false), std::vector<std::string>{});
}

TEST(AtomicFile, the_sweep_notices_a_missing_sync_of_the_file) {
  EXPECT_FALSE(sweep(true, IoCall::kSync).empty());
  EXPECT_FALSE(sweep(false, IoCall::kSync).empty());
}

TEST(AtomicFile, the_sweep_notices_a_missing_sync_of_the_folder) {
  EXPECT_FALSE(sweep(true, IoCall::kSyncDirectory).empty());
  EXPECT_FALSE(sweep(false, IoCall::kSyncDirectory).empty());
}

TEST(AtomicFile, is_old_or_new_after_a_second_power_loss_in_the_retry) {
  const std::uint64_t operations = operations_of_replacing();
  for (std::uint64_t first = 0; first <= operations; ++first) {
    for (std::uint64_t second = 0; second <= operations; ++second) {
      for (const CrashMode mode : kAllCrashModes) {
        SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second) + ", mode " +
                     std::to_string(static_cast<int>(mode)));
        SimulatedFileSystem fs;
        prepare(fs, true);
        fs.cut_power_after(first);
        const bool first_acknowledged = replace_a(fs).ok();
        fs.restart(mode, first * 31 + second);
        fs.cut_power_after(second);
        const bool second_acknowledged = replace_a(fs).ok();
        fs.restart(mode, first * 37 + second);
        ASSERT_EQ(judge(fs, true, first_acknowledged || second_acknowledged), "");
        ASSERT_OK(replace_a(fs));
        ASSERT_EQ(read_text(fs, "/db/a"), kNew);
      }
    }
  }
}

TEST(AtomicFile, reports_each_failing_call_and_leaves_old_or_new) {
  for (const Fault fault : {Fault::kIoError, Fault::kDiskFull, Fault::kShortWrite}) {
    for (const bool for_good : {false, true}) {
      // Removing a leftover, open, two writes, sync, rename, sync of the folder.
      for (std::uint64_t failing = 0; failing < 7; ++failing) {
        SCOPED_TRACE("call " + std::to_string(failing) + (for_good ? " for good" : " once"));
        SimulatedFileSystem disk;
        prepare(disk, true);
        FaultyFileSystem fs(disk);
        fs.add_rule({.fault = fault, .operation = failing, .for_good = for_good});
        EXPECT_CODE(replace_a(fs), fault == Fault::kIoError ? ErrorCode::kIoError : ErrorCode::kDiskFull);
        EXPECT_EQ(read_text(disk, "/db/a"), failing < 6 ? kOld : kNew);
        if (!for_good) {
          EXPECT_EQ(names_in(disk, "/db"), "a") << "the temporary file is removed";
        }
        for (const CrashMode mode : kAllCrashModes) {
          disk.restart(mode, failing);
          EXPECT_EQ(judge(disk, true, false), "");
        }
      }
    }
  }
}

TEST(AtomicFile, a_failed_sync_is_never_followed_by_the_rename) {
  SimulatedFileSystem fs;
  prepare(fs, true);
  fs.fail_next_sync();
  EXPECT_CODE(replace_a(fs), ErrorCode::kIoError);
  fs.restart(CrashMode::kKeepAll, 1);
  EXPECT_EQ(read_text(fs, "/db/a"), kOld);
}

TEST(AtomicFileDeathTest, writing_after_the_commit_is_a_broken_invariant) {
  SimulatedFileSystem fs;
  auto file = AtomicFile::create(fs, "/a");
  ASSERT_OK(file);
  ASSERT_OK(file->commit());
  EXPECT_DEATH((void)file->append(bytes_of("x")), "broken invariant");
  EXPECT_DEATH((void)file->commit(), "broken invariant");
}

}  // namespace
}  // namespace vibrato::io
