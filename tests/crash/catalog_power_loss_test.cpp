// The catalog through a script of what the engine does with it, losing power at each change or with each call failing:
// every write() that answered ok is there afterwards, the one in flight is there whole or not at all.
#include <optional>

#include "catalog/catalog.hpp"
#include "io/faulty_file_system.hpp"
#include "support/made_catalog.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::catalog {
namespace {

constexpr std::uint32_t kCatalogSteps = 8;
// Every change and every call, or each fifth under a sanitizer.
constexpr std::uint64_t kCatalogStride = test::kSanitized ? 5 : 1;

sqlite::ConnectionOptions catalog_options() {
  sqlite::ConnectionOptions options;
  options.wal_checkpoint_pages = 12;  // Several times in the script.
  return options;
}

// Step n: a collection, a segment with its bitmap and applied LSN, a key, an audit row, a job; the segment and the
// collection of step n - 2 go, as after a compaction and a drop.
Status run_step(Catalog& catalog, std::uint32_t step) {
  return catalog.write([step](Tables& tables) -> Status {
    const std::string text = std::to_string(step);
    const CollectionNumber number(step);
    VIBRATO_RETURN_IF_ERROR(tables.collections.insert(test::made_collection(step, "c" + text)));
    VIBRATO_ASSIGN_OR_RETURN(const SegmentId segment,
                             tables.segments.insert(test::made_segment(step, "seg/" + text + ".vdb", step)));
    VIBRATO_RETURN_IF_ERROR(
        tables.segments.put_bitmap({segment, Lsn(step), step, std::vector<std::byte>(5000, std::byte{1})}));
    VIBRATO_RETURN_IF_ERROR(tables.applied.set("vector", CollectionNumber(0), Lsn(step)));
    VIBRATO_RETURN_IF_ERROR(tables.keys.insert(test::made_key("vbk_" + text)));
    const AuditEvent event{0, step, "r", "vbk_1", "", "step", 200, "{}"};
    VIBRATO_RETURN_IF_ERROR(tables.audit.append(std::span(&event, 1)));
    VIBRATO_RETURN_IF_ERROR(tables.jobs.insert({"job" + text, "step", JobState::kCompleted, step, {}, "{}", {}}));
    if (step > 2) {
      VIBRATO_RETURN_IF_ERROR(tables.segments.remove(SegmentId(step - 2)));
      VIBRATO_RETURN_IF_ERROR(tables.collections.drop(CollectionNumber(step - 2), Lsn(step)));
      VIBRATO_RETURN_IF_ERROR(tables.keys.revoke("vbk_" + std::to_string(step - 2), step));
    }
    return tables.store.set_trim_lsn(Lsn(step));
  });
}

// At least how many steps were reported as done.
std::uint32_t run_script(io::FileSystem& fs) {
  sqlite::Vfs vfs(fs);
  const test::FakeClock clock;
  const auto catalog = Catalog::open(vfs, "/data", clock, catalog_options());
  if (!catalog.ok()) {
    return 0;
  }
  for (std::uint32_t step = 1; step <= kCatalogSteps; ++step) {
    if (!run_step(**catalog, step).ok()) {
      return step - 1;
    }
  }
  return kCatalogSteps;
}

// Whether the tables are exactly those after some step, and which.
Result<std::uint32_t> find_step(const Tables& tables) {
  VIBRATO_ASSIGN_OR_RETURN(const Lsn applied, tables.applied.get("vector", CollectionNumber(0)));
  const auto step = static_cast<std::uint32_t>(applied.value());
  VIBRATO_ASSIGN_OR_RETURN(const StoreInfo store, tables.store.read());
  VIBRATO_ASSIGN_OR_RETURN(const auto live, tables.collections.live());
  VIBRATO_ASSIGN_OR_RETURN(const auto dropped, tables.collections.dropped());
  VIBRATO_ASSIGN_OR_RETURN(const auto segments, tables.segments.all());
  VIBRATO_ASSIGN_OR_RETURN(const auto keys, tables.keys.all());
  VIBRATO_ASSIGN_OR_RETURN(const auto audit, tables.audit.page(std::nullopt, 1000));
  VIBRATO_ASSIGN_OR_RETURN(const auto jobs, tables.jobs.newest(1000));
  const std::size_t kept = std::min(step, 2U);
  std::size_t revoked = 0;
  for (const ApiKey& key : keys) {
    revoked += key.revoked_at_ms ? 1 : 0;
  }
  for (const Segment& segment : segments) {
    VIBRATO_ASSIGN_OR_RETURN(const auto bitmap, tables.segments.bitmap(segment.id));
    if (!bitmap || bitmap->deleted_count != segment.collection.value()) {
      return corruption("a segment without its bitmap");
    }
  }
  const bool is_whole = store.trim_lsn == applied && live.size() == kept && dropped.size() == step - kept &&
                        segments.size() == kept && keys.size() == step && revoked == step - kept &&
                        audit.size() == step && jobs.size() == step;
  return is_whole ? Result<std::uint32_t>(step) : corruption("half of step " + std::to_string(step));
}

// What is wrong after `done` steps were reported; empty if nothing is.
std::string fault_after(io::FileSystem& fs, std::uint32_t done) {
  sqlite::Vfs vfs(fs);
  const test::FakeClock clock;
  const auto catalog = Catalog::open(vfs, "/data", clock, catalog_options());
  if (!catalog.ok()) {
    return catalog.status().message();
  }
  if (const Status verified = (*catalog)->verify(); !verified.ok()) {
    return verified.message();
  }
  const auto step = (*catalog)->read([](const Tables& tables) { return find_step(tables); });
  if (!step.ok()) {
    return step.status().message();
  }
  if (*step < done || *step > done + 1) {
    return "found " + std::to_string(*step) + " of " + std::to_string(done);
  }
  const Status next = run_step(**catalog, *step + 1);
  return next.ok() ? "" : "does not go on: " + next.message();
}

void make_catalog_folder(io::FileSystem& fs) {
  ASSERT_OK(fs.create_directory("/data"));
  ASSERT_OK(fs.sync_directory("/"));
}

// Cuts the power at each change until something is wrong afterwards, and says what; empty if nothing ever is.
// `removed` is a barrier that is taken out.
std::string cut_everywhere(const std::optional<io::FaultRule>& removed) {
  io::SimulatedFileSystem whole;
  make_catalog_folder(whole);
  const std::uint64_t before = whole.operation_count();
  EXPECT_EQ(run_script(whole), kCatalogSteps);
  const std::uint64_t operations = whole.operation_count() - before;
  for (std::uint64_t cut = 0; cut <= operations; cut += kCatalogStride) {
    for (const io::CrashMode mode : io::kAllCrashModes) {
      io::SimulatedFileSystem disk;
      make_catalog_folder(disk);
      io::FaultyFileSystem fs(disk);
      if (removed) {
        fs.add_rule(*removed);
      }
      disk.cut_power_after(cut);
      const std::uint32_t done = run_script(fs);
      disk.restart(mode, cut);  // The cut is the seed.
      if (const std::string fault = fault_after(disk, done); !fault.empty()) {
        return fault + ": cut after " + std::to_string(cut) + ", mode " + std::to_string(static_cast<int>(mode));
      }
    }
  }
  return "";
}

TEST(CatalogPowerLoss, loses_no_write_and_leaves_none_half) {
  EXPECT_EQ(cut_everywhere(std::nullopt), "");
}

TEST(CatalogPowerLoss, is_seen_to_lose_writes_when_a_barrier_is_taken_out) {
  for (const io::FaultRule& barrier :
       {io::FaultRule{.fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_end = "-wal", .for_good = true},
        io::FaultRule{.fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_end = ".db", .for_good = true},
        io::FaultRule{.fault = io::Fault::kIgnored, .call = io::IoCall::kSyncDirectory, .for_good = true}}) {
    EXPECT_NE(cut_everywhere(barrier), "") << static_cast<int>(*barrier.call) << barrier.path_end;
  }
}

TEST(CatalogPowerLoss, each_failing_call_is_reported_and_nothing_is_lost) {
  io::SimulatedFileSystem whole;
  make_catalog_folder(whole);
  io::FaultyFileSystem counted(whole);
  ASSERT_EQ(run_script(counted), kCatalogSteps);
  const std::uint64_t calls = counted.operation_count();
  for (const bool for_good : {false, true}) {
    for (std::uint64_t call = 0; call < calls; call += kCatalogStride) {
      io::SimulatedFileSystem disk;
      make_catalog_folder(disk);
      io::FaultyFileSystem fs(disk);
      fs.add_rule({.fault = call % 2 == 0 ? io::Fault::kIoError : io::Fault::kShortWrite,
                   .operation = call,
                   .for_good = for_good});
      const std::uint32_t done = run_script(fs);
      ASSERT_GT(fs.fault_count(), 0U);
      disk.restart(io::CrashMode::kRandomSectors, call);
      ASSERT_EQ(fault_after(disk, done), "") << "call " << call << (for_good ? " for good" : " once");
    }
  }
}

}  // namespace
}  // namespace vibrato::catalog
