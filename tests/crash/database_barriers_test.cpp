// Each barrier between two steps of the whole database, taken out: power losses behind it must then be seen to break
// something, and break nothing with the barrier in place. So none of them can be lost unnoticed.
#include <optional>

#include "io/faulty_file_system.hpp"
#include "support/database_script.hpp"

namespace vibrato::engine {
namespace {

using io::IoCall;
using test::MadeContent;
using test::MadeDatabase;

io::FaultRule ignoring(IoCall call, std::string path_part, std::string path_end = "") {
  io::FaultRule rule;
  rule.fault = io::Fault::kIgnored;
  rule.call = call;
  rule.path_part = std::move(path_part);
  rule.path_end = std::move(path_end);
  rule.for_good = true;
  return rule;
}

const MadeContent kBefore = {{"c", {{1, 1}, {2, 2}, {3, 3}}}};
const MadeContent kAfter = {{"c", {{1, 1}, {2, 20}, {3, 3}, {4, 4}}}};

// A database on a disk that loses power, and a step that a barrier is taken out of.
class DatabaseLife {
 public:
  explicit DatabaseLife(DatabaseOptions options = test::script_options()) : database(faulty, std::move(options)) {}

  // From here on; nothing: all barriers stay.
  void take_out(const std::optional<io::FaultRule>& barrier) {
    if (barrier) {
      faulty.add_rule(*barrier);
    }
  }
  void lose_power(io::CrashMode mode, std::uint64_t seed) {
    disk.cut_power();
    database.close();
    disk.restart(mode, seed);
    faulty.clear_rules();
  }
  // Opens again; empty if exactly one of the contents is there and all is well.
  std::string find(const std::vector<MadeContent>& allowed) {
    if (const Status opened = database.open(); !opened.ok()) {
      return opened.message();
    }
    if (const Readiness ready = database->readiness(); !ready.ready) {
      return ready.reasons.front();
    }
    const auto found = database.content();
    if (!found.ok()) {
      return found.status().message();
    }
    const bool is_allowed = std::find(allowed.begin(), allowed.end(), *found) != allowed.end();
    return is_allowed ? "" : "another content is there";
  }

  io::SimulatedFileSystem disk;
  io::FaultyFileSystem faulty{disk};
  MadeDatabase database;
};

void make_before(DatabaseLife& life) {
  ASSERT_OK(life.database.open());
  ASSERT_OK(life.database.create("c"));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    ASSERT_OK(life.database.put("c", id, id));
  }
}

void make_after(DatabaseLife& life) {
  ASSERT_OK(life.database.put("c", 2, 20));
  ASSERT_OK(life.database.put("c", 4, 4));
}

// Runs `scenario` for every mode of a power loss and some seeds; how many ended badly, and the first that did.
struct Broken {
  int count = 0;
  std::string first;
};
using Scenario = std::string (*)(const std::optional<io::FaultRule>&, io::CrashMode, std::uint64_t);

Broken run_all(Scenario scenario, const std::optional<io::FaultRule>& barrier) {
  Broken broken;
  for (const io::CrashMode mode : io::kAllCrashModes) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const std::string wrong = scenario(barrier, mode, seed);
      if (!wrong.empty()) {
        broken.first = broken.count++ == 0 ? wrong : broken.first;
      }
    }
  }
  return broken;
}

void expect_needed(Scenario scenario, const std::vector<io::FaultRule>& barriers) {
  const Broken whole = run_all(scenario, std::nullopt);
  EXPECT_EQ(whole.count, 0) << whole.first;
  for (const io::FaultRule& barrier : barriers) {
    EXPECT_GT(run_all(scenario, barrier).count, 0)
        << static_cast<int>(*barrier.call) << " of " << barrier.path_part << "..." << barrier.path_end;
  }
}

// ---- segment: write -> fdatasync -> rename -> fsync folder -> catalog commit; new log segment: ... -> append ----
std::string seal(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  make_before(life);
  life.take_out(barrier);
  make_after(life);
  EXPECT_OK(life.database.checkpoint());
  life.lose_power(mode, seed);
  return life.find({kAfter});
}

TEST(DatabaseBarriers, a_segment_is_synced_named_and_only_then_in_the_catalog) {
  expect_needed(seal, {ignoring(IoCall::kSync, "/data/segments/"), ignoring(IoCall::kSyncDirectory, "/data/segments")});
}

// Enough for several segments of the log, none of which a checkpoint covers.
std::string roll_over(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  make_before(life);
  life.take_out(barrier);
  MadeContent expected = kBefore;
  for (std::uint64_t id = 10; id < 100; ++id) {
    EXPECT_OK(life.database.put("c", id, id));
    expected["c"][id] = id;
  }
  EXPECT_OK(life.disk.stat("/data/wal/events-00000000000000000001.log"));
  life.lose_power(mode, seed);
  return life.find({expected});
}

TEST(DatabaseBarriers, a_new_segment_of_the_log_has_its_name_before_it_takes_records) {
  expect_needed(roll_over,
                {ignoring(IoCall::kSyncDirectory, "/data/wal"), ignoring(IoCall::kSync, "/data/wal/events-")});
}

// ---- log trim: catalog commit that names the covered LSN -> unlink -> fsync folder ----
std::string trim(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  make_before(life);
  MadeContent expected = kBefore;
  for (std::uint64_t id = 10; id < 200; ++id) {
    EXPECT_OK(life.database.put("c", id, id));
    expected["c"][id] = id;
  }
  life.take_out(barrier);
  EXPECT_OK(life.database.checkpoint());
  EXPECT_CODE(life.disk.stat("/data/wal/events-00000000000000000001.log"), ErrorCode::kNotFound);
  life.lose_power(mode, seed);
  return life.find({expected});
}

TEST(DatabaseBarriers, the_log_is_cut_after_the_catalog_says_what_covers_it) {
  expect_needed(trim, {ignoring(IoCall::kSync, "/data/catalog.db")});
}

// ---- ... -> catalog commit -> drop old ----
std::string merge(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  make_before(life);
  EXPECT_OK(life.database.checkpoint());
  make_after(life);
  EXPECT_OK(life.database.checkpoint());
  const auto inputs = life.disk.list_directory("/data/segments");
  life.take_out(barrier);
  EXPECT_OK(life.database.compact("c"));
  EXPECT_CODE(life.disk.stat("/data/segments/" + inputs->front().name), ErrorCode::kNotFound);
  life.lose_power(mode, seed);
  return life.find({kAfter});
}

TEST(DatabaseBarriers, what_was_merged_goes_after_the_catalog_names_the_merge) {
  expect_needed(merge, {ignoring(IoCall::kSync, "/data/catalog.db"), ignoring(IoCall::kSync, "/data/segments/"),
                        ignoring(IoCall::kSyncDirectory, "/data/segments")});
}

// ---- snapshot: files synced -> manifest -> rename -> fsync parent ----
std::string keep(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseOptions options = test::script_options();
  options.pepper.reset();
  DatabaseLife life(options);
  make_before(life);
  EXPECT_OK(life.database.checkpoint());
  EXPECT_OK(life.database.put("c", 2, 20));
  life.take_out(barrier);
  EXPECT_OK(life.database.put("c", 4, 4));
  EXPECT_OK(life.database.snapshot("s"));
  life.lose_power(mode, seed);
  const std::string wrong = life.find({kAfter});
  if (!wrong.empty()) {
    return wrong;
  }
  life.database.close();
  options.data_folder = "/other";
  MadeDatabase other(life.disk, options);
  const auto restored = restore_snapshot({life.disk, other.clock(), other.logger(), {}}, options, "/data/snapshots/s");
  if (!restored.ok()) {
    return restored.status().message();
  }
  EXPECT_OK(other.open());
  const auto found = other.content();
  return found.ok() && *found == kAfter ? "" : "the snapshot is of another content";
}

TEST(DatabaseBarriers, a_snapshot_has_its_name_when_all_of_it_is_synced) {
  expect_needed(keep, {ignoring(IoCall::kSync, "/snapshots/.s.partial/catalog.db"),
                       ignoring(IoCall::kSync, "/snapshots/.s.partial/wal/"),
                       ignoring(IoCall::kSync, "/snapshots/.s.partial/pepper"),
                       ignoring(IoCall::kSync, "/snapshots/.s.partial/manifest"),
                       ignoring(IoCall::kSyncDirectory, "", "/snapshots/.s.partial/wal"),
                       ignoring(IoCall::kSyncDirectory, "", "/snapshots/.s.partial/segments"),
                       ignoring(IoCall::kSyncDirectory, "", "/snapshots/.s.partial"),
                       ignoring(IoCall::kSyncDirectory, "", "/snapshots")});
}

TEST(DatabaseBarriers, the_manifest_is_written_last_and_then_nothing_but_the_rename) {
  using Kind = io::SimulatedOperation::Kind;
  DatabaseLife life;
  make_before(life);
  ASSERT_OK(life.database.checkpoint());
  const std::uint64_t begin = life.disk.operation_count();
  ASSERT_OK(life.database.snapshot("s"));
  const std::vector<io::SimulatedOperation> all = life.disk.operations();
  std::uint64_t last_other = 0;
  std::uint64_t first_manifest = 0;
  std::uint64_t last_manifest = 0;
  std::uint64_t rename = 0;
  for (std::uint64_t i = begin; i < all.size(); ++i) {
    if (all[i].kind == Kind::kRename && all[i].path == "/data/snapshots/s") {
      rename = i;
    } else if (all[i].path.find("/.s.partial/manifest") != std::string::npos) {
      first_manifest = first_manifest == 0 ? i : first_manifest;
      last_manifest = i;
    } else if (all[i].path.find("/.s.partial/") != std::string::npos) {
      last_other = i;
    }
  }
  EXPECT_GT(last_other, begin);
  EXPECT_GT(first_manifest, last_other);
  EXPECT_GT(rename, last_manifest);
  EXPECT_EQ(all[rename + 1].kind, Kind::kSyncDirectory);
  EXPECT_EQ(all[rename + 1].path, "/data/snapshots");
}

// ---- restore: verify -> stage beside -> one swap -> fsync parent -> the old state lies aside ----
Status restore(DatabaseLife& life) {
  return restore_snapshot({life.faulty, life.database.clock(), life.database.logger(), {}}, life.database.options(),
                          "/data/snapshots/s")
      .status();
}

// The power goes during the restore or right behind it.
std::string swap_in(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  make_before(life);
  EXPECT_OK(life.database.snapshot("s"));
  make_after(life);
  EXPECT_OK(life.database.checkpoint());
  life.database->stop();
  life.database.close();
  life.take_out(barrier);
  if (seed > 4) {
    life.disk.cut_power_after(100 + seed * 17);
  }
  const bool was_done = restore(life).ok();
  life.lose_power(mode, seed);
  return life.find(was_done ? std::vector<MadeContent>{kBefore} : std::vector<MadeContent>{kBefore, kAfter});
}

TEST(DatabaseBarriers, a_restore_swaps_in_what_is_synced_and_syncs_the_swap) {
  expect_needed(
      swap_in,
      {ignoring(IoCall::kSync, "/data/tmp/restore/catalog.db"), ignoring(IoCall::kSync, "/data/tmp/restore/wal/"),
       ignoring(IoCall::kSyncDirectory, "/restoring-"), ignoring(IoCall::kSyncDirectory, "", "/data")});
}

TEST(DatabaseBarriers, a_restore_touches_nothing_before_all_of_the_snapshot_is_verified) {
  DatabaseLife life;
  make_before(life);
  ASSERT_OK(life.database.snapshot("s"));
  life.database->stop();
  life.database.close();
  const auto file = life.disk.open("/data/snapshots/s/wal/state", io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(9, std::as_bytes(std::span("\xff", 1))));
  const std::uint64_t before = life.disk.operation_count();
  EXPECT_CODE(restore(life), ErrorCode::kCorruption);
  EXPECT_EQ(life.disk.operation_count(), before);
}

// ---- key revoke: commit -> evict the cache -> answer ----
std::string revoke(const std::optional<io::FaultRule>& barrier, io::CrashMode mode, std::uint64_t seed) {
  DatabaseLife life;
  EXPECT_OK(life.database.open());
  const auto key = life.database->keys().create({"test"}, {"k", {auth::Role::kQuery}});
  EXPECT_OK(key);
  const std::string bearer = fmt::format("Bearer {}", key->token.view());
  const auto state = [&] {
    return life.database->impl()
        .authenticator->authenticate({bearer, std::nullopt}, life.database.clock().now_ms())
        .state;
  };
  EXPECT_EQ(state(), auth::AuthState::kAuthenticated);
  life.take_out(barrier);
  EXPECT_OK(life.database->keys().revoke({"test"}, key->record.id));
  EXPECT_EQ(state(), auth::AuthState::kRevoked);
  life.lose_power(mode, seed);
  const std::string wrong = life.find({{}});
  return !wrong.empty() ? wrong : state() == auth::AuthState::kRevoked ? "" : "a revoked key is let in";
}

TEST(DatabaseBarriers, a_revocation_is_in_the_catalog_before_it_is_answered) {
  expect_needed(revoke, {ignoring(IoCall::kSync, "/data/catalog.db")});
}

}  // namespace
}  // namespace vibrato::engine
