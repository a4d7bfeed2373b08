// Every call of the whole database to its disk failed, once and for good, while a script runs: writes that were
// acknowledged stay, what was refused never comes, reads go on, a full disk refuses puts and no more, and after a
// failed sync nothing is acknowledged until a restart. On a good disk everything is there again.
//
// VIBRATO_FAULT_STRIDE is the distance of the calls that fail; 1 is all of them.
#include <algorithm>

#include "io/faulty_file_system.hpp"
#include "support/database_script.hpp"
#include "support/sanitizers.hpp"
#include "support/test_numbers.hpp"

namespace vibrato::engine {
namespace {

using io::Fault;
using io::IoCall;
using test::DatabaseScript;

constexpr int kFaultSteps = 40;
constexpr std::uint64_t kScripts[] = {11, 12, 13};

std::uint64_t stride() {
  return std::max<std::uint64_t>(test::number_from_environment("VIBRATO_FAULT_STRIDE", test::kSanitized ? 97 : 13), 1);
}

struct Case {
  std::uint64_t script = 0;  // Its seed.
  Fault fault = Fault::kIoError;
  bool for_good = false;
  std::uint64_t call = 0;  // Of all, or of the writes for a short write.

  [[nodiscard]] io::FaultRule rule() const {
    io::FaultRule rule;
    rule.fault = fault;
    rule.for_good = for_good;
    if (fault == Fault::kShortWrite) {
      rule.call = IoCall::kWrite;
      rule.skip = call;
    } else {
      rule.operation = call;
    }
    return rule;
  }
  [[nodiscard]] std::string name() const {
    const std::string kind = fault == Fault::kIoError    ? "EIO"
                             : fault == Fault::kDiskFull ? "ENOSPC"
                                                         : "short write, then ENOSPC";
    return kind + " at call " + std::to_string(call) + (for_good ? " and all later ones" : "") + " of script " +
           std::to_string(script);
  }
};

// One life of a database on a disk that fails, and the next one on a good disk.
class FaultyLife {
 public:
  explicit FaultyLife(const Case& which) : case_(which) { faulty_.add_rule(which.rule()); }

  // What is wrong; empty if nothing is.
  std::string run() {
    if (open() || !case_.for_good) {
      for (int step = 0; step < kFaultSteps && wrong_.empty(); ++step) {
        if (!database_.is_open() && !open()) {
          break;
        }
        run_step();
      }
    }
    struck_ = faulty_.fault_count() > 0;
    if (wrong_.empty() && struck_ && !case_.for_good) {
      take_puts_again();
    }
    if (wrong_.empty()) {
      restart_on_a_good_disk();
    }
    const auto last = faulty_.last_struck();
    return wrong_.empty() || !last
               ? wrong_
               : wrong_ + " (the last call that failed: " + std::to_string(static_cast<int>(last->call)) + " of " +
                     last->path + ")";
  }
  [[nodiscard]] bool struck() const { return struck_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  bool open() {
    const bool opened = database_.open().ok();
    if (!opened) {
      database_.close();
      return false;
    }
    is_poisoned_ = false;
    settle();
    return true;
  }

  void run_step() {
    const std::uint64_t faults_before = faulty_.fault_count();
    const DatabaseScript::Step done = script_.step(database_);
    if (done.is_restart) {
      after_a_restart(done.status);
      return;
    }
    const bool was_poisoned = is_poisoned_;
    if (faulty_.fault_count() > faults_before) {
      const IoCall call = faulty_.last_struck()->call;
      is_poisoned_ = is_poisoned_ || call == IoCall::kSync || call == IoCall::kSyncDirectory;
    }
    if (done.is_write) {
      after_a_write(done.status, was_poisoned);
    }
    if (wrong_.empty()) {
      check_reads();
    }
  }

  void after_a_write(const Status& status, bool was_poisoned) {
    if (status.ok()) {
      if (was_poisoned || is_poisoned_) {
        wrong_ = "a write was acknowledged after a failed sync";
      }
      ++acknowledged_;
      script_.content = script_.maybe;
      doubtful_.clear();  // What failed before was undone, or nothing would have been taken.
      return;
    }
    // What a full disk refused, and what came after the first failure, is certainly not there.
    if (status.code() == ErrorCode::kDiskFull && !is_poisoned_) {
      saw_full_disk_ = true;
      if (case_.fault == Fault::kIoError) {
        wrong_ = "an I/O error was called a full disk";
      }
    } else if (doubtful_.empty() && !was_poisoned) {
      doubtful_.push_back(script_.maybe);
    }
  }

  // Either state may be there; which one settles it.
  void after_a_restart(const Status& status) {
    doubtful_.push_back(script_.maybe);
    is_poisoned_ = false;
    if (!status.ok() && database_.is_open() && !database_->check_readable().ok()) {
      database_.close();
    }
    if (database_.is_open()) {
      settle();
    }
  }

  void settle() {
    const std::uint64_t faults_before = faulty_.fault_count();
    auto found = database_.content();
    if (!found.ok() && faulty_.fault_count() > faults_before) {
      if (case_.for_good) {
        return;  // As in check_reads(); a good disk settles it.
      }
      found = database_.content();
    }
    if (!found.ok()) {
      wrong_ = "reading: " + found.status().message();
    } else if (*found != script_.content && std::find(doubtful_.begin(), doubtful_.end(), *found) == doubtful_.end()) {
      wrong_ = "after opening again something else is there than what was acknowledged";
    } else {
      script_.content = *found;
      doubtful_.clear();
    }
  }

  // State and documents are read from their files: a call that fails then fails a read, and nothing else. Once the
  // fault has passed they are read again; a disk that fails for good gives what is in memory alone.
  void check_reads() {
    const std::uint64_t faults_before = faulty_.fault_count();
    auto found = database_.content();
    if (!found.ok() && faulty_.fault_count() > faults_before) {
      if (case_.for_good) {
        return;
      }
      found = database_.content();
    }
    if (!found.ok()) {
      wrong_ = "reads do not go on: " + found.status().message();
    } else if (*found != script_.content) {
      wrong_ = "reads show something else than what was acknowledged";
    }
  }

  // After a moment without room puts are taken again, and no restart is needed.
  void take_puts_again() {
    if (!database_.is_open() || is_poisoned_ || !doubtful_.empty() || !saw_full_disk_) {
      return;
    }
    database_->impl().disk.probe();
    script_.content["z"];
    if (const Status made = database_.create("z"); !made.ok()) {
      wrong_ = "there is room again, and no write is taken: " + made.message();
    } else if (const Status put = database_.put("z", 1, 1); !put.ok()) {
      wrong_ = "there is room again, and no put is taken: " + put.message();
    }
    script_.content["z"][1] = 1;
  }

  void restart_on_a_good_disk() {
    database_.close();
    faulty_.clear_rules();
    if (case_.call % 2 == 0) {
      disk_.restart(io::kAllCrashModes[case_.call / 2 % std::size(io::kAllCrashModes)], case_.call);
    }
    if (const Status opened = database_.open(); !opened.ok()) {
      wrong_ = "does not open on a good disk: " + opened.message();
      return;
    }
    if (const Readiness ready = database_->readiness(); !ready.ready) {
      wrong_ = "is not ready on a good disk: " + ready.reasons.front();
      return;
    }
    settle();
    if (wrong_.empty()) {
      wrong_ = script_.wrong_beside_points(database_);
    }
    if (wrong_.empty()) {
      go_on();
    }
  }

  void go_on() {
    Status status = database_.create("after");
    status = status.ok() ? database_.put("after", 1, 1) : status;
    status = status.ok() ? database_.checkpoint() : status;
    status = status.ok() ? database_.snapshot("after") : status;
    status = status.ok() ? database_.open() : status;
    if (!status.ok()) {
      wrong_ = "does not go on: " + status.message();
      return;
    }
    script_.content["after"] = {{1, 1}};
    settle();
  }

  const Case case_;
  io::SimulatedFileSystem disk_;
  io::FaultyFileSystem faulty_{disk_};
  test::MadeDatabase database_{faulty_, test::script_options()};
  DatabaseScript script_{case_.script, faulty_};
  std::vector<test::MadeContent> doubtful_;  // May be there as well: a write failed with its outcome open.
  bool is_poisoned_ = false;                 // A sync of this life failed.
  bool saw_full_disk_ = false;
  bool struck_ = false;
  std::uint64_t acknowledged_ = 0;
  std::string wrong_;
};

struct FaultTally {
  std::uint64_t cases = 0;
  std::uint64_t acknowledged = 0;
};

// Fails a call after the other, until there are no more.
void fail_calls(const Case& first, std::uint64_t step, FaultTally& tally) {
  Case which = first;
  for (bool struck = true; struck; which.call += step) {
    FaultyLife life(which);
    ASSERT_EQ(life.run(), "") << which.name();
    struck = life.struck();
    tally.acknowledged += life.acknowledged();
    ++tally.cases;
  }
}

void fail_calls(Fault fault, bool for_good) {
  // Kinds and scripts begin at different calls, so that samples are not of the same ones; writes are a few of the
  // calls.
  const std::uint64_t step = fault == Fault::kShortWrite ? std::max<std::uint64_t>(stride() / 4, 1) : stride();
  FaultTally tally;
  for (const std::uint64_t script : kScripts) {
    const std::uint64_t first = static_cast<std::uint64_t>(fault) * 2 + script + (for_good ? 1 : 0);
    fail_calls({script, fault, for_good, first % step}, step, tally);
    if (::testing::Test::HasFatalFailure()) {
      return;
    }
  }
  EXPECT_GT(tally.cases * step, 1000U);
  EXPECT_GT(tally.acknowledged, tally.cases);
  ::testing::Test::RecordProperty("failed_calls", static_cast<int>(tally.cases));
}

TEST(DatabaseFaults, each_call_that_fails_once_loses_nothing) {
  fail_calls(Fault::kIoError, false);
}

TEST(DatabaseFaults, each_call_that_fails_for_good_loses_nothing) {
  fail_calls(Fault::kIoError, true);
}

TEST(DatabaseFaults, each_call_without_room_refuses_writes_and_loses_nothing) {
  fail_calls(Fault::kDiskFull, false);
}

TEST(DatabaseFaults, a_disk_that_stays_full_refuses_writes_and_loses_nothing) {
  fail_calls(Fault::kDiskFull, true);
}

TEST(DatabaseFaults, each_write_that_is_cut_short_loses_nothing) {
  fail_calls(Fault::kShortWrite, false);
}

TEST(DatabaseFaults, each_write_and_all_later_ones_cut_short_lose_nothing) {
  fail_calls(Fault::kShortWrite, true);
}

}  // namespace
}  // namespace vibrato::engine
