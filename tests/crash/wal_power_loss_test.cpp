// The log under power loss at every change of a script, in every mode of the simulated disk, also inside the recovery
// that follows; and the same with single barriers taken out, which must be noticed.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "crash/log_model.hpp"
#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/test_numbers.hpp"

namespace vibrato {
namespace {

using io::CrashMode;
using io::Fault;
using io::FaultRule;
using io::IoCall;
using test::LogModel;

constexpr int kWalSteps = 60;

FaultRule ignoring(IoCall call, const std::string& path_part) {
  FaultRule rule;
  rule.fault = Fault::kIgnored;
  rule.call = call;
  rule.path_part = path_part;
  rule.for_good = true;
  return rule;
}

// How often each crash point is tried; the gate tries more.
std::uint64_t wal_rounds() {
  return test::number_from_environment("VIBRATO_CRASH_ROUNDS", 1);
}

struct Tally {
  int cuts = 0;
  int cuts_in_recovery = 0;
  std::uint64_t records_synced = 0;
  std::vector<std::string> failures;
};

// One life: a script, power lost after `operations` changes, recovery with power lost inside it or not, and a second
// script that must find the log in order. Answers whether the first script was cut.
bool live(std::uint64_t operations, CrashMode mode, std::uint64_t seed, const std::vector<FaultRule>& rules,
          Tally& tally) {
  io::SimulatedFileSystem fs;
  io::FaultyFileSystem faulty(fs);
  for (const FaultRule& rule : rules) {
    faulty.add_rule(rule);
  }
  LogModel model;
  Random script(seed);
  fs.cut_power_after(operations);
  std::string wrong;
  // Closing ends a script early; the log is opened again then.
  for (int part = 0; part < 4 && fs.has_power() && wrong.empty(); ++part) {
    wrong = test::open_and_run(faulty, model, script, kWalSteps / 4);
  }
  const bool cut = !fs.has_power();
  Random dice(seed * 1000 + operations);
  fs.restart(mode, dice.next_u64());
  // Twice: what recovery cut or kept must hold over the next power loss as well.
  for (int crash = 0; crash < 2 && wrong.empty(); ++crash) {
    fs.cut_power_after(dice.below(12) + 1);
    wrong = test::open_and_run(faulty, model, script, 5);
    tally.cuts_in_recovery += fs.has_power() ? 0 : 1;
    fs.restart(mode, dice.next_u64());
  }
  if (wrong.empty()) {
    const auto log = wal::LocalLog::open(faulty, test::kLogFolder, test::small_log_options());
    wrong = log.ok() ? model.check(**log) : "open: " + log.status().message();
    if (wrong.empty()) {
      model.run(**log, script, 10);
    }
  }
  tally.cuts += cut ? 1 : 0;
  tally.records_synced += model.synced_to();
  if (!wrong.empty()) {
    tally.failures.push_back(
        fmt::format("seed {}, cut after {} changes, mode {}: {}", seed, operations, static_cast<int>(mode), wrong));
  }
  return cut;
}

Tally crash_everywhere(std::uint64_t seed, const std::vector<FaultRule>& rules) {
  Tally tally;
  for (const CrashMode mode : io::kAllCrashModes) {
    for (std::uint64_t operations = 1; live(operations, mode, seed, rules, tally); ++operations) {
    }
  }
  return tally;
}

TEST(WalPowerLoss, loses_no_synced_record_and_finds_none_that_was_not_written) {
  int losses = 0;
  const std::uint64_t before = test::seed_or(0) << 32;
  for (std::uint64_t seed = before + 1; seed <= before + 3 * wal_rounds(); ++seed) {
    const Tally tally = crash_everywhere(seed, {});
    losses += tally.cuts + tally.cuts_in_recovery;
    EXPECT_TRUE(tally.failures.empty()) << tally.failures.size() << " failures, the first: " << tally.failures.front();
    EXPECT_GT(tally.cuts, 300) << "seed " << seed;
    EXPECT_GT(tally.cuts_in_recovery, 300) << "seed " << seed;
    EXPECT_GT(tally.records_synced, 10'000U) << "seed " << seed;
  }
  EXPECT_GE(losses, 5000);
  RecordProperty("power_losses", losses);
}

// The checks above can fail: each barrier taken out is noticed.
TEST(WalPowerLoss, notices_when_records_are_not_synced) {
  EXPECT_FALSE(crash_everywhere(1, {ignoring(IoCall::kSync, "events-")}).failures.empty());
}

TEST(WalPowerLoss, notices_when_the_state_file_is_not_synced) {
  EXPECT_FALSE(crash_everywhere(1, {ignoring(IoCall::kSync, "state")}).failures.empty());
}

TEST(WalPowerLoss, notices_when_the_folder_is_not_synced) {
  EXPECT_FALSE(crash_everywhere(1, {ignoring(IoCall::kSyncDirectory, "wal")}).failures.empty());
}

TEST(WalPowerLoss, notices_when_a_torn_tail_is_not_cut) {
  EXPECT_FALSE(crash_everywhere(1, {ignoring(IoCall::kTruncate, "events-")}).failures.empty());
}

// A log of several segments, all synced.
std::unique_ptr<wal::LocalLog> made_log(io::FileSystem& fs, int groups) {
  auto log = test::open_log(fs, test::kLogFolder, test::small_log_options());
  for (int i = 0; log && i < groups; ++i) {
    test::commit_group(*log, {std::string(150, 'm')}, 1000 + i);
  }
  return log;
}

// Opens that find damage after a trim that lost power, over many seeds.
int damaged_after_trim(const std::vector<FaultRule>& rules) {
  int damaged = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    io::SimulatedFileSystem fs;
    io::FaultyFileSystem faulty(fs);
    const auto log = made_log(faulty, 30);
    for (const FaultRule& rule : rules) {
      faulty.add_rule(rule);
    }
    fs.cut_power_after(seed % 8);
    static_cast<void>(log->trim(Lsn(30)));
    fs.restart(CrashMode::kRandomSectors, seed);
    const auto again = test::open_log(fs, test::kLogFolder, test::small_log_options());
    damaged += again && again->health().ok() ? 0 : 1;
  }
  return damaged;
}

TEST(WalPowerLoss, a_trim_leaves_no_hole) {
  EXPECT_EQ(damaged_after_trim({}), 0);
  EXPECT_GT(damaged_after_trim({ignoring(IoCall::kSyncDirectory, "wal")}), 0);
}

// Groups whose append was refused for a full disk and that a power loss brought back, over many seeds.
int refused_groups_found(const std::vector<FaultRule>& rules) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    io::SimulatedFileSystem fs;
    io::FaultyFileSystem faulty(fs);
    const auto log = test::open_log(faulty, test::kLogFolder, test::plain_log_options());
    test::commit_group(*log, {"kept"});
    FaultRule half;
    half.fault = Fault::kShortWrite;
    half.call = IoCall::kWrite;
    half.path_part = "events-";
    faulty.add_rule(half);
    for (const FaultRule& rule : rules) {
      faulty.add_rule(rule);
    }
    std::vector<test::OwnedGroup> groups;
    for (int i = 0; i < 40; ++i) {
      groups.push_back(test::group_of({std::string(50, 'r')}));
    }
    EXPECT_CODE(test::append_groups(*log, groups), ErrorCode::kDiskFull);
    fs.restart(CrashMode::kRandomSectors, seed);
    const auto again = test::open_log(fs, test::kLogFolder, test::plain_log_options());
    const std::size_t records = test::read_all(*again).size();
    EXPECT_GE(records, 1U);
    found += records > 1 ? 1 : 0;
  }
  return found;
}

TEST(WalPowerLoss, a_refused_append_never_comes_back) {
  EXPECT_EQ(refused_groups_found({}), 0);
  EXPECT_GT(refused_groups_found({ignoring(IoCall::kSync, "events-")}), 0);
}

// A sync fails, and the program restarts without a power loss: the page cache still shows what no disk has. What the
// next opening shows must be there after a power loss too.
bool shown_records_survive(const std::vector<FaultRule>& rules) {
  io::SimulatedFileSystem fs;
  {
    const auto log = test::open_log(fs, test::kLogFolder, test::plain_log_options());
    test::commit_group(*log, {"synced"});
    test::OwnedGroup group = test::group_of({std::string(4000, 'p')});
    EXPECT_OK(test::append_groups(*log, std::span(&group, 1)));
    fs.fail_next_sync();
    EXPECT_CODE(log->sync(), ErrorCode::kUnavailable);
  }
  io::FaultyFileSystem faulty(fs);
  for (const FaultRule& rule : rules) {
    faulty.add_rule(rule);
  }
  std::vector<test::OwnedRecord> shown;
  {
    const auto log = test::open_log(faulty, test::kLogFolder, test::plain_log_options());
    shown = test::read_all(*log);
    EXPECT_EQ(shown.size(), 2U);
  }
  fs.restart(CrashMode::kKeepNone, 1);
  const auto log = test::open_log(fs, test::kLogFolder, test::plain_log_options());
  return test::read_all(*log) == shown;
}

TEST(WalPowerLoss, what_a_failed_sync_left_in_the_page_cache_is_written_again_before_it_is_shown) {
  EXPECT_TRUE(shown_records_survive({}));
  EXPECT_FALSE(shown_records_survive({ignoring(IoCall::kWrite, "events-")}));
}

}  // namespace
}  // namespace vibrato
