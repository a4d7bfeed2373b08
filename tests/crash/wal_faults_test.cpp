// The log with each I/O call of a script failing in each way, once and for good: no synced record is lost, nothing is
// found that was refused for good, and after a restart without faults the log goes on.
#include <gtest/gtest.h>
#include <string>

#include "crash/log_model.hpp"
#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"

namespace vibrato {
namespace {

using io::Fault;
using io::IoCall;

struct Outcome {
  bool struck = false;
  std::string wrong;
};

Outcome fail_call(Fault fault, std::uint64_t operation, bool for_good) {
  io::SimulatedFileSystem fs;
  io::FaultyFileSystem faulty(fs);
  io::FaultRule rule;
  rule.fault = fault;
  rule.operation = operation;
  rule.for_good = for_good;
  faulty.add_rule(rule);
  test::LogModel model;
  Random script(7);
  Outcome outcome;
  for (int part = 0; part < 4 && outcome.wrong.empty(); ++part) {
    outcome.wrong = test::open_and_run(faulty, model, script, 15);
  }
  outcome.struck = faulty.fault_count() > 0;
  // Half of the restarts come with a power loss.
  if (operation % 2 == 0) {
    fs.restart(io::CrashMode::kRandomSectors, operation);
  }
  if (outcome.wrong.empty()) {
    const auto log = wal::LocalLog::open(fs, test::kLogFolder, test::small_log_options());
    outcome.wrong = log.ok() ? model.check(**log) : "open: " + log.status().message();
    if (outcome.wrong.empty()) {
      test::commit_group(**log, {"goes on"}, (*log)->end().last_time_ms);
    }
  }
  return outcome;
}

TEST(WalFaults, each_failing_call_leaves_every_synced_record_and_a_log_that_goes_on) {
  int cases = 0;
  for (const Fault fault : {Fault::kIoError, Fault::kDiskFull, Fault::kShortWrite, Fault::kShortRead}) {
    for (const bool for_good : {false, true}) {
      bool struck = true;
      for (std::uint64_t operation = 0; struck; ++operation) {
        const Outcome outcome = fail_call(fault, operation, for_good);
        struck = outcome.struck;
        ++cases;
        ASSERT_EQ(outcome.wrong, "") << "fault " << static_cast<int>(fault) << " at call " << operation
                                     << (for_good ? " and all later ones" : "");
      }
    }
  }
  EXPECT_GT(cases, 800);
  RecordProperty("failed_calls", cases);
}

}  // namespace
}  // namespace vibrato
