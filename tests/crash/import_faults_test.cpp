// An import of several files over a disk that loses power or fails: all of its points are there afterwards or none, no
// file of a failed one is left, its space is given back, and the same import again goes through.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <set>

#include "io/faulty_file_system.hpp"
#include "support/sanitizers.hpp"
#include "support/sealed_rows.hpp"
#include "support/vector_store.hpp"

namespace vibrato::vector {
namespace {

using io::Fault;
using io::IoCall;
using test::VectorStore;

constexpr std::uint32_t kImportDim = 8;
constexpr std::uint64_t kImportStride = test::kSanitized ? 7 : 1;

// A store with points in a file and in memory, some of which the import replaces.
class Life {
 public:
  Life() {
    options_.maintenance.import_file_bytes = 1'000;
    options_.maintenance.small_rows = 5;
    EXPECT_OK(test::make_store_folder(disk_));
    EXPECT_OK(open());
    EXPECT_OK(store_->create("a", test::small_segment_settings(kImportDim)));
    put(0, 20);
    EXPECT_OK(store_->checkpoint());
    put(20, 30);
    before_ = contents();
    files_before_ = files();
  }

  Status open() {
    store_.reset();
    VIBRATO_ASSIGN_OR_RETURN(store_, VectorStore::open(fs_, clock_, options_));
    return ok_status();
  }
  void restart_after_power_loss(std::uint64_t seed) {
    disk_.cut_power();
    store_.reset();
    disk_.restart(io::kAllCrashModes[seed % std::size(io::kAllCrashModes)], seed);
    ASSERT_OK(open());
    ASSERT_OK(store_->maintenance().quarantine_orphans());
  }
  // Of ids 10 to 39, of which 15 to 19 come twice.
  Status import() {
    const std::unique_ptr<Import> import = store_->begin_import("a");
    for (std::uint64_t i = 0; i < 35; ++i) {
      VIBRATO_RETURN_IF_ERROR(import->add(row(i)));
    }
    return store_->commit_import(*import);
  }
  [[nodiscard]] VectorStore::Contents contents() {
    auto found = store_->contents_of("a");
    EXPECT_OK(found);
    EXPECT_EQ(store_->collection("a")->info().live_count, found->size());
    return std::move(found).value();
  }
  [[nodiscard]] VectorStore::Contents after() const {
    VectorStore::Contents after = before_;
    for (std::uint64_t i = 0; i < 35; ++i) {
      const PointInput point = row(i);
      after[point.id] = {point.vector, point.meta_json};
    }
    return after;
  }
  [[nodiscard]] const VectorStore::Contents& before() const { return before_; }
  [[nodiscard]] std::set<std::string> files() const {
    const std::vector<std::string> names = store_->segment_files();
    return {names.begin(), names.end()};
  }
  [[nodiscard]] const std::set<std::string>& files_before() const { return files_before_; }
  // It goes on: the import again, a checkpoint, a merge, a restart.
  void go_on() {
    ASSERT_OK(import());
    ASSERT_EQ(contents(), after());
    ASSERT_OK(store_->checkpoint());
    ASSERT_OK(store_->maintenance().compact(store_->collection("a"), {}));
    ASSERT_OK(open());
    ASSERT_EQ(contents(), after());
  }

  io::SimulatedFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};

 private:
  void put(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t id = first; id < end; ++id) {
      EXPECT_OK(store_->put("a", PointId(id), test::made_vector(kImportDim, id, 1), "{\"v\":1}"));
    }
  }
  static PointInput row(std::uint64_t i) {
    const std::uint64_t id = i < 30 ? 10 + i : i - 15;
    return {PointId(id), test::made_vector(kImportDim, id, 100 + i), fmt::format("{{\"v\":{}}}", 100 + i)};
  }

  test::FakeClock clock_;
  test::VectorStoreOptions options_;
  std::unique_ptr<VectorStore> store_;
  VectorStore::Contents before_;
  std::set<std::string> files_before_;
};

TEST(ImportFaults, power_lost_at_any_operation_leaves_all_or_nothing) {
  bool was_cut = true;
  std::uint64_t all = 0;
  std::uint64_t nothing = 0;
  for (std::uint64_t cut = 0; was_cut; cut += kImportStride) {
    for (std::uint64_t mode = 0; mode < std::size(io::kAllCrashModes); ++mode) {
      SCOPED_TRACE(fmt::format("cut {}, mode {}", cut, mode));
      Life life;
      life.disk_.cut_power_after(cut);
      const Status imported = life.import();
      was_cut = !life.disk_.has_power();
      ASSERT_TRUE(was_cut || imported.ok());
      life.restart_after_power_loss(mode + std::size(io::kAllCrashModes) * cut);
      const VectorStore::Contents found = life.contents();
      ASSERT_TRUE(found == life.after() || (!imported.ok() && found == life.before()));
      (found == life.after() ? all : nothing) += 1;
      if (found == life.before()) {
        ASSERT_EQ(life.files(), life.files_before());
      }
      life.go_on();
      if (::testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
  EXPECT_GT(all, 0U);
  EXPECT_GT(nothing, all);
}

// What a call that fails leaves at once, without a restart.
void fail_each_call(Fault fault) {
  bool struck = true;
  std::uint64_t failed = 0;
  for (std::uint64_t call = 0; struck; call += kImportStride) {
    SCOPED_TRACE(fmt::format("call {}", call));
    Life life;
    io::FaultRule rule;
    rule.fault = fault;
    rule.path_part = "/segments";
    rule.skip = call;
    if (fault == Fault::kShortWrite) {
      rule.call = IoCall::kWrite;
    }
    life.fs_.add_rule(rule);
    const Status imported = life.import();
    struck = life.fs_.fault_count() > 0;
    life.fs_.clear_rules();
    ASSERT_TRUE(struck || imported.ok());
    ASSERT_EQ(life.contents(), imported.ok() ? life.after() : life.before());
    if (!imported.ok()) {
      ++failed;
      ASSERT_EQ(life.files(), life.files_before());
      ASSERT_EQ(imported.code(), fault == Fault::kIoError ? ErrorCode::kIoError : ErrorCode::kDiskFull)
          << imported.message();
    }
    life.go_on();
    if (::testing::Test::HasFatalFailure()) {
      return;
    }
  }
  EXPECT_GT(failed * kImportStride, 20U);
}

TEST(ImportFaults, each_call_that_fails_leaves_nothing) {
  fail_each_call(Fault::kIoError);
}

TEST(ImportFaults, each_call_without_room_leaves_nothing) {
  fail_each_call(Fault::kDiskFull);
}

TEST(ImportFaults, each_write_that_is_cut_short_leaves_nothing) {
  fail_each_call(Fault::kShortWrite);
}

}  // namespace
}  // namespace vibrato::vector
