// The vector model with log, catalog, checkpoints and merges through random scripts, losing power at each change or
// with each call failing: every write that was answered is there afterwards, exactly once and as it was written, the
// one in flight whole or not at all; and the store goes on.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <optional>

#include "io/faulty_file_system.hpp"
#include "support/sanitizers.hpp"
#include "support/test_numbers.hpp"
#include "support/vector_store.hpp"

namespace vibrato::vector {
namespace {

using test::VectorStore;
using test::VectorStoreOptions;
using State = std::map<std::string, VectorStore::Contents>;

constexpr std::uint32_t kVectorDim = 4;
constexpr std::uint64_t kIds = 60;

// Each n-th change or call, or each VIBRATO_FAULT_STRIDE-th call; VIBRATO_CRASH_ROUNDS scripts in place of two.
constexpr std::uint64_t kVectorStride = test::kSanitized ? 29 : 5;

std::uint64_t script_count() {
  return test::number_from_environment("VIBRATO_CRASH_ROUNDS", 2);
}

struct Action {
  enum class Kind : std::uint8_t { kCreate, kDrop, kPut, kDelete, kCheckpoint, kCompact, kCompactDue };
  Kind kind = Kind::kCheckpoint;
  std::string name;
  std::vector<std::uint64_t> ids;
  std::uint64_t version = 0;

  [[nodiscard]] bool is_write() const { return kind <= Kind::kDelete; }
};

CollectionSettings settings() {
  CollectionSettings settings;
  settings.dim = kVectorDim;
  settings.m = 4;
  settings.ef_construction = 16;
  return settings;
}

VectorStoreOptions vector_options() {
  VectorStoreOptions options;
  options.maintenance.small_rows = 12;
  options.maintenance.merge_width = 2;
  options.collection.hot_part_bytes = 25 * kVectorDim * sizeof(float);
  options.log_segment_bytes = 64 * 1024;
  options.log_zeros_bytes = 4 * 1024;
  return options;
}

std::string meta_of(std::uint64_t version) {
  return fmt::format("{{\"v\":{}}}", version);
}

// A script, and what the collections hold after each of its writes.
class Script {
 public:
  Script(std::uint64_t seed, std::size_t length) : random_(seed) {
    states_.emplace_back();
    add({Action::Kind::kCreate, "a", {}, 0});
    add({Action::Kind::kCreate, "b", {}, 0});
    while (actions_.size() < length) {
      add_random();
    }
  }

  [[nodiscard]] const std::vector<Action>& actions() const { return actions_; }
  // states()[n] is what is there after n writes.
  [[nodiscard]] const std::vector<State>& states() const { return states_; }

 private:
  void add_random() {
    Action action;
    action.name = std::string(random_.below(3) == 0 ? "b" : "a");
    action.version = actions_.size();
    const std::uint64_t dice = random_.below(20);
    const VectorStore::Contents& present = states_.back()[action.name];
    if (dice < 7) {
      action.kind = Action::Kind::kPut;
      for (std::uint64_t count = 1 + random_.below(20); count > 0; --count) {
        action.ids.push_back(random_.below(kIds));
      }
      std::sort(action.ids.begin(), action.ids.end());
      action.ids.erase(std::unique(action.ids.begin(), action.ids.end()), action.ids.end());
    } else if (dice < 11 && !present.empty()) {
      action.kind = Action::Kind::kDelete;
      auto row = present.begin();
      std::advance(row, static_cast<std::ptrdiff_t>(random_.below(present.size())));
      action.ids = {row->first.view().number};
    } else if (dice < 15) {
      action.kind = Action::Kind::kCheckpoint;
    } else if (dice < 17) {
      action.kind = Action::Kind::kCompact;
    } else if (dice < 19) {
      action.kind = Action::Kind::kCompactDue;
    } else {
      add({Action::Kind::kDrop, "b", {}, 0});
      action = {Action::Kind::kCreate, "b", {}, 0};
    }
    add(action);
  }

  void add(const Action& action) {
    actions_.push_back(action);
    if (!action.is_write()) {
      return;
    }
    State next = states_.back();
    switch (action.kind) {
      case Action::Kind::kCreate:
        next[action.name];
        break;
      case Action::Kind::kDrop:
        next.erase(action.name);
        break;
      case Action::Kind::kPut:
        for (const std::uint64_t id : action.ids) {
          next[action.name][PointId(id)] = {test::made_vector(kVectorDim, id, action.version), meta_of(action.version)};
        }
        break;
      default:
        next[action.name].erase(PointId(action.ids.front()));
        break;
    }
    states_.push_back(std::move(next));
  }

  Random random_;
  std::vector<Action> actions_;
  std::vector<State> states_;
};

Status write(VectorStore& store, const Action& action) {
  switch (action.kind) {
    case Action::Kind::kCreate:
      return store.create(action.name, settings());
    case Action::Kind::kDrop:
      return store.drop(action.name);
    case Action::Kind::kPut: {
      std::vector<PointInput> points;
      for (const std::uint64_t id : action.ids) {
        points.push_back({PointId(id), test::made_vector(kVectorDim, id, action.version), meta_of(action.version)});
      }
      return store.put_all(action.name, std::move(points));
    }
    default:
      return store.remove(action.name, PointId(action.ids.front()));
  }
}

// Failures are this work's own business: the next turn tries again.
void maintain(VectorStore& store, const Action& action) {
  if (action.kind == Action::Kind::kCheckpoint) {
    static_cast<void>(store.checkpoint());
  } else if (action.kind == Action::Kind::kCompact) {
    static_cast<void>(store.maintenance().compact(store.collection(action.name), {}));
  } else {
    static_cast<void>(store.maintenance().compact_due({}));
    static_cast<void>(store.maintenance().remove_unused());
  }
}

std::string difference(const VectorStore& store, const State& state) {
  if (const std::size_t collections = store.model().all().size(); collections != state.size()) {
    return fmt::format("{} collections, not {}", collections, state.size());
  }
  for (const auto& [name, rows] : state) {
    const auto found = store.contents_of(name);
    if (!found.ok()) {
      return found.status().message();
    }
    if (*found != rows) {
      return fmt::format("collection {} has {} rows, expected {}, or others", name, found->size(), rows.size());
    }
    const CollectionPtr collection = store.collection(name);
    if (const Status writable = collection->check_writable(); !writable.ok()) {
      return writable.message();
    }
    if (collection->info().live_count != rows.size()) {
      return fmt::format("collection {} counts {} rows, not {}", name, collection->info().live_count, rows.size());
    }
  }
  return "";
}

// Runs the script as far as its writes are answered; how many were.
std::size_t run(io::FileSystem& fs, const Script& script, std::string* fault = nullptr) {
  test::FakeClock clock;
  auto store = VectorStore::open(fs, clock, vector_options());
  if (!store.ok()) {
    return 0;
  }
  std::size_t done = 0;
  for (const Action& action : script.actions()) {
    clock.advance_ms(120'000);
    if (!action.is_write()) {
      maintain(**store, action);
    } else if (write(**store, action).ok()) {
      ++done;
    } else {
      return done;
    }
    if (fault != nullptr && fault->empty()) {
      *fault = difference(**store, script.states()[done]);
    }
  }
  return done;
}

// What is wrong with what a power loss left after `done` answered writes; empty if nothing is.
std::string fault_after(io::FileSystem& fs, const Script& script, std::size_t done) {
  test::FakeClock clock;
  auto store = VectorStore::open(fs, clock, vector_options());
  if (!store.ok()) {
    return fmt::format("does not open: {}", store.status().message());
  }
  std::size_t now = done;
  std::string fault = difference(**store, script.states()[now]);
  if (!fault.empty() && done + 1 < script.states().size()) {
    ++now;
    const std::string other = difference(**store, script.states()[now]);
    fault = other.empty() ? std::string() : fmt::format("{}; or with the next write: {}", fault, other);
  }
  if (!fault.empty()) {
    return fault;
  }
  // It goes on: what is there is saved and merged, and found again.
  for (const vector::CollectionPtr& collection : (*store)->model().all()) {
    if (const auto saved = (*store)->checkpoint(); !saved.ok()) {
      return fmt::format("no checkpoint: {}", saved.status().message());
    }
    if (const auto merged = (*store)->maintenance().compact(collection, {}); !merged.ok()) {
      return fmt::format("no merge: {}", merged.status().message());
    }
  }
  if (const Status removed = (*store)->maintenance().remove_unused(); !removed.ok()) {
    return fmt::format("no removal: {}", removed.message());
  }
  fault = difference(**store, script.states()[now]);
  store = Status(ErrorCode::kUnavailable, "closed");
  auto again = VectorStore::open(fs, clock, vector_options());
  if (!again.ok()) {
    return fmt::format("does not open again: {}", again.status().message());
  }
  return fault.empty() ? difference(**again, script.states()[now]) : fault;
}

// Cuts the power at each n-th change until something is wrong afterwards, and says what; empty if nothing ever is.
// `removed` is a barrier that is taken out.
std::string cut_everywhere(const Script& script, std::uint64_t stride, const std::optional<io::FaultRule>& removed) {
  io::SimulatedFileSystem whole;
  EXPECT_OK(test::make_store_folder(whole));
  const std::uint64_t before = whole.operation_count();
  std::string fault;
  EXPECT_EQ(run(whole, script, &fault), script.states().size() - 1);
  EXPECT_EQ(fault, "");
  const std::uint64_t operations = whole.operation_count() - before;
  for (std::uint64_t cut = 0; cut <= operations; cut += stride) {
    for (const io::CrashMode mode : io::kAllCrashModes) {
      io::SimulatedFileSystem disk;
      EXPECT_OK(test::make_store_folder(disk));
      io::FaultyFileSystem fs(disk);
      if (removed) {
        fs.add_rule(*removed);
      }
      disk.cut_power_after(cut);
      const std::size_t done = run(fs, script);
      disk.restart(mode, cut);  // The cut is the seed.
      fault = fault_after(disk, script, done);
      if (!fault.empty()) {
        return fmt::format("{}: cut after {} of {}, mode {}", fault, cut, operations, static_cast<int>(mode));
      }
    }
  }
  return "";
}

TEST(VectorPowerLoss, loses_no_row_and_makes_none) {
  for (std::uint64_t seed = 1; seed <= script_count(); ++seed) {
    ASSERT_EQ(cut_everywhere(Script(seed, 40), kVectorStride, std::nullopt), "") << "seed " << seed;
  }
}

// Power goes a second time, inside the recovery.
TEST(VectorPowerLoss, loses_no_row_when_the_recovery_is_cut_too) {
  const Script script(7, 30);
  io::SimulatedFileSystem whole;
  ASSERT_OK(test::make_store_folder(whole));
  const std::uint64_t before = whole.operation_count();
  ASSERT_EQ(run(whole, script), script.states().size() - 1);
  const std::uint64_t operations = whole.operation_count() - before;
  for (std::uint64_t cut = 0; cut <= operations; cut += 3 * kVectorStride) {
    for (std::uint64_t second = 0; second < 30; second += 4) {
      io::SimulatedFileSystem disk;
      ASSERT_OK(test::make_store_folder(disk));
      disk.cut_power_after(cut);
      const std::size_t done = run(disk, script);
      disk.restart(io::CrashMode::kRandomSectors, cut);
      disk.cut_power_after(second);
      static_cast<void>(fault_after(disk, script, done));
      disk.restart(io::CrashMode::kReordered, second);
      ASSERT_EQ(fault_after(disk, script, done), "") << "cut " << cut << ", then " << second;
    }
  }
}

TEST(VectorPowerLoss, is_seen_to_lose_rows_when_a_barrier_is_taken_out) {
  const Script script(3, 40);
  for (const io::FaultRule& barrier :
       {io::FaultRule{
            .fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_part = "/segments/", .for_good = true},
        io::FaultRule{.fault = io::Fault::kIgnored,
        .call = io::IoCall::kSyncDirectory,
        .path_part = "/segments",
        .for_good = true},
        io::FaultRule{
            .fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_part = "catalog.db", .for_good = true},
        io::FaultRule{
            .fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_part = "/wal/", .for_good = true}}) {
    EXPECT_NE(cut_everywhere(script, 1, barrier), "") << static_cast<int>(*barrier.call) << barrier.path_part;
  }
}

TEST(VectorPowerLoss, each_failing_call_loses_nothing_that_was_answered) {
  const Script script(5, 30);
  io::SimulatedFileSystem whole;
  ASSERT_OK(test::make_store_folder(whole));
  io::FaultyFileSystem counted(whole);
  ASSERT_EQ(run(counted, script), script.states().size() - 1);
  const std::uint64_t calls = counted.operation_count();
  const std::uint64_t stride =
      std::max<std::uint64_t>(test::number_from_environment("VIBRATO_FAULT_STRIDE", kVectorStride), 1);
  int cases = 0;
  for (const bool for_good : {false, true}) {
    for (std::uint64_t call = for_good ? 1 : 0; call < calls; call += stride) {
      ++cases;
      io::SimulatedFileSystem disk;
      ASSERT_OK(test::make_store_folder(disk));
      io::FaultyFileSystem fs(disk);
      fs.add_rule({.fault = call % 2 == 0 ? io::Fault::kIoError : io::Fault::kShortWrite,
                   .operation = call,
                   .for_good = for_good});
      std::string fault;
      const std::size_t done = run(fs, script, &fault);
      ASSERT_GT(fs.fault_count(), 0U);
      ASSERT_EQ(fault, "") << "call " << call << (for_good ? " for good" : " once");
      disk.restart(io::CrashMode::kRandomSectors, call);
      ASSERT_EQ(fault_after(disk, script, done), "") << "call " << call << (for_good ? " for good" : " once");
    }
  }
  RecordProperty("failed_calls", cases);
}

}  // namespace
}  // namespace vibrato::vector
