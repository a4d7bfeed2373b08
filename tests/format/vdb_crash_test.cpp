// Replacing a `.vdb` file under power loss at every I/O call and with every call failing: the path always holds the
// old file or the new one, whole, and the new one once commit() returned ok.
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "store/pack_file.hpp"
#include "store/pack_writer.hpp"
#include "store/vdb_file.hpp"
#include "store/vdb_rewrite.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/id_rows.hpp"
#include "support/status_matchers.hpp"

namespace vibrato {
namespace {

using io::Fault;
using io::IoCall;

constexpr std::uint32_t kOldRows = 3;
constexpr std::uint32_t kNewRows = 2000;  // Several blocks, and meta that goes through its spool.
const std::string kPath = "/data/rows.vdb";

Status write_rows(io::FileSystem& fs, std::uint32_t rows) {
  VIBRATO_ASSIGN_OR_RETURN(const auto writer,
                           store::VdbRowWriter::create(fs, kPath, {.dim = 32, .metric = Metric::kCosine}));
  std::vector<float> values(32, 1.0F);
  const std::string meta(rows == kOldRows ? 2 : 200, ' ');
  for (std::uint32_t row = 0; row < rows; ++row) {
    values[0] = static_cast<float>(row);
    VIBRATO_RETURN_IF_ERROR(writer->add(values, meta));
  }
  return writer->commit();
}

// As `build` does: the same rows with one more section, in place.
Status add_graph(io::FileSystem& fs) {
  VIBRATO_ASSIGN_OR_RETURN(const auto source, store::VdbFile::open(fs, kPath));
  const std::string graph(100'000, 'g');
  return store::copy_with_sections(fs, *source, kPath,
                                   std::vector{store::section_of(format::SectionKind::kGraph, graph)});
}

// As sealed segments are written: rows with ids, read again before the file is complete.
Status write_ids(io::FileSystem& fs) {
  const auto rows = test::made_id_rows(kNewRows, 8);
  VIBRATO_ASSIGN_OR_RETURN(const auto writer, store::VdbRowWriter::create(fs, kPath, {.dim = 2}));
  VIBRATO_RETURN_IF_ERROR(test::write_id_rows(*writer, fs, kPath, rows, /*with_tables=*/false));
  VIBRATO_RETURN_IF_ERROR(writer->writer().make_readable());
  VIBRATO_ASSIGN_OR_RETURN(const auto image, store::VdbFile::open(fs, writer->writer().temporary_path()));
  VIBRATO_RETURN_IF_ERROR(store::write_id_tables(writer->writer(), *image));
  return writer->writer().commit();
}

// The file becomes a pack of two parts.
Status write_pack(io::FileSystem& fs) {
  VIBRATO_ASSIGN_OR_RETURN(const auto pack, store::PackWriter::create(fs, kPath));
  for (const std::uint32_t count : {kNewRows, kNewRows / 2}) {
    VIBRATO_ASSIGN_OR_RETURN(auto writer, pack->begin_part({.dim = 2}));
    VIBRATO_ASSIGN_OR_RETURN(const auto rows, store::VdbRowWriter::over(fs, kPath, std::move(writer)));
    VIBRATO_RETURN_IF_ERROR(test::write_id_rows(*rows, fs, kPath, test::made_id_rows(count, 9)));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t bytes, rows->writer().finish());
    pack->end_part(bytes);
  }
  return pack->commit();
}

void prepare(io::FileSystem& fs) {
  ASSERT_OK(fs.create_directory("/data"));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(write_rows(fs, kOldRows));
}

enum class State : std::uint8_t { kOld, kNew, kBroken };

State state_of(io::FileSystem& fs) {
  store::PackMaps packs;
  const auto file = packs.open(fs, kPath, 0);
  if (!file.ok() || !(*file)->verify().ok()) {
    return State::kBroken;
  }
  const bool is_new = (*file)->rows() == kNewRows || (*file)->section(format::SectionKind::kGraph).has_value();
  return is_new ? State::kNew : State::kOld;
}

io::FaultRule rule_for(Fault fault, IoCall call) {
  io::FaultRule rule;
  rule.fault = fault;
  rule.call = call;
  rule.for_good = true;
  return rule;
}

using Script = Status (*)(io::FileSystem&);
const std::array<Script, 4> kScripts = {
    [](io::FileSystem& fs) { return write_rows(fs, kNewRows); }, [](io::FileSystem& fs) { return add_graph(fs); },
    [](io::FileSystem& fs) { return write_ids(fs); }, [](io::FileSystem& fs) { return write_pack(fs); }};
struct Outcomes {
  int old_file = 0;
  int new_file = 0;
  int broken = 0;
  int lost_after_ok = 0;
};

// Runs the script with `rule` in force and the power cut after each count of operations in turn.
Outcomes crash_everywhere(Script script, const std::vector<io::FaultRule>& rules) {
  Outcomes outcomes;
  for (const io::CrashMode mode : io::kAllCrashModes) {
    bool finished = false;
    for (std::uint64_t operations = 0; !finished; ++operations) {
      io::SimulatedFileSystem fs;
      prepare(fs);
      io::FaultyFileSystem faulty(fs);
      for (const io::FaultRule& rule : rules) {
        faulty.add_rule(rule);
      }
      fs.cut_power_after(operations);
      const bool ok = script(faulty).ok();
      finished = fs.has_power();
      fs.restart(mode, operations + 1);
      const State state = state_of(fs);
      outcomes.old_file += state == State::kOld ? 1 : 0;
      outcomes.new_file += state == State::kNew ? 1 : 0;
      outcomes.broken += state == State::kBroken ? 1 : 0;
      outcomes.lost_after_ok += ok && state != State::kNew ? 1 : 0;
    }
  }
  return outcomes;
}

TEST(VdbPowerLoss, leaves_the_old_file_or_the_new_one_whole) {
  for (const Script script : kScripts) {
    const Outcomes outcomes = crash_everywhere(script, {});
    EXPECT_EQ(outcomes.broken, 0);
    EXPECT_EQ(outcomes.lost_after_ok, 0);
    EXPECT_GT(outcomes.old_file, 10);
    EXPECT_GE(outcomes.new_file, static_cast<int>(std::size(io::kAllCrashModes)));
  }
}

// The tests above can fail: without the sync of the file a power loss finds the new name on torn bytes.
TEST(VdbPowerLoss, breaks_files_when_the_sync_before_the_rename_is_taken_out) {
  EXPECT_GT(crash_everywhere(kScripts[0], {rule_for(Fault::kIgnored, IoCall::kSync)}).broken, 0);
}

// Nor is the new file there to stay without the sync of the folder.
TEST(VdbPowerLoss, loses_committed_files_when_the_sync_of_the_folder_is_taken_out) {
  EXPECT_GT(crash_everywhere(kScripts[0], {rule_for(Fault::kIgnored, IoCall::kSyncDirectory)}).lost_after_ok, 0);
}

TEST(VdbFaults, each_failing_call_is_reported_and_leaves_the_old_file_or_the_new_one) {
  for (const Script script : kScripts) {
    for (const Fault fault : {Fault::kIoError, Fault::kDiskFull, Fault::kShortWrite, Fault::kShortRead}) {
      for (const bool for_good : {false, true}) {
        bool struck = true;
        for (std::uint64_t operation = 0; struck; ++operation) {
          io::SimulatedFileSystem fs;
          prepare(fs);
          io::FaultyFileSystem faulty(fs);
          io::FaultRule rule;
          rule.fault = fault;
          rule.operation = operation;
          rule.for_good = for_good;
          faulty.add_rule(rule);
          const Status status = script(faulty);
          struck = faulty.fault_count() > 0;
          const State state = state_of(fs);
          ASSERT_NE(state, State::kBroken) << "call " << operation;
          if (status.ok()) {
            ASSERT_EQ(state, State::kNew) << "call " << operation;
          } else {
            ASSERT_TRUE(status.code() == ErrorCode::kIoError || status.code() == ErrorCode::kDiskFull)
                << status.message();
          }
        }
      }
    }
  }
}

TEST(VdbFaults, a_failed_write_leaves_no_temporary_file_where_it_can_be_removed) {
  for (const IoCall call : {IoCall::kWrite, IoCall::kSync, IoCall::kRename}) {
    io::SimulatedFileSystem fs;
    prepare(fs);
    io::FaultyFileSystem faulty(fs);
    faulty.add_rule(rule_for(Fault::kDiskFull, call));
    EXPECT_CODE(write_rows(faulty, kNewRows), ErrorCode::kDiskFull);
    const auto names = fs.list_directory("/data");
    ASSERT_OK(names);
    ASSERT_EQ(names->size(), 1U);
    EXPECT_EQ(names->front().name, "rows.vdb");
    EXPECT_EQ(state_of(fs), State::kOld);
  }
}

TEST(VdbFaults, a_failed_sync_is_not_tried_again) {
  io::SimulatedFileSystem fs;
  prepare(fs);
  fs.fail_next_sync();
  EXPECT_CODE(write_rows(fs, kNewRows), ErrorCode::kIoError);
  EXPECT_EQ(state_of(fs), State::kOld);
  const auto operations = fs.operations();
  ASSERT_FALSE(operations.empty());
  EXPECT_EQ(operations.back().kind, io::SimulatedOperation::Kind::kRemoveFile);
}

}  // namespace
}  // namespace vibrato
