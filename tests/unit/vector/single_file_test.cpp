#include "vector/single_file.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <thread>

#include "base/limits.hpp"
#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"
#include "support/vector_sets.hpp"
#include "vector/flush_file.hpp"

namespace vibrato::vector {
namespace {

class SingleFileTest : public ::testing::Test {
 protected:
  static SingleFileOptions options() {
    SingleFileOptions options;
    options.build_threads = 1;
    options.max_ram_buffer_vectors = 2000;
    return options;
  }
  std::unique_ptr<SingleFile> open(io::FileSystem& fs) {
    auto file = SingleFile::open(fs, path_, options(), {});
    EXPECT_OK(file);
    return file.ok() ? std::move(file).value() : nullptr;
  }
  static void ingest(SingleFile& file, const test::VectorSet& made, std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t row = first; row < end; ++row) {
      const auto at = file.ingest(made.row(row), "{\"row\":" + std::to_string(row) + "}");
      ASSERT_OK(at);
      ASSERT_EQ(*at, row);
    }
  }
  static FlushStatus flush(SingleFile& file) {
    EXPECT_EQ(file.start_flush(), FlushStart::kStarted);
    while (file.flush_status().state == FlushState::kRunning) {
      std::this_thread::yield();
    }
    return file.flush_status();
  }
  static std::vector<std::uint32_t> search(const SingleFile& file, std::span<const float> query, std::uint32_t k) {
    const auto hits = file.search(query, k, 200);
    EXPECT_OK(hits);
    std::vector<std::uint32_t> rows;
    if (hits.ok()) {
      std::transform(hits->begin(), hits->end(), std::back_inserter(rows), [](const RowHit& hit) { return hit.row; });
    }
    return rows;
  }
  static double mean_recall(const SingleFile& file, const test::VectorSet& made, Metric metric) {
    const auto queries = test::make_vectors(30, made.dim, 99);
    double sum = 0;
    for (std::uint32_t q = 0; q < queries.rows; ++q) {
      sum += test::recall_of(metric, made, queries.row(q), 10, search(file, queries.row(q), 10));
    }
    return sum / queries.rows;
  }
  // Each row is found once, under its number, with its meta.
  static void expect_rows(const SingleFile& file, const test::VectorSet& made) {
    const SingleFileInfo info = file.info();
    EXPECT_EQ(info.persisted_vectors + info.dynamic_vectors, made.rows);
    const auto all = search(file, made.row(0), made.rows + 5);
    EXPECT_EQ(all.size(), made.rows);
    EXPECT_EQ(std::set<std::uint32_t>(all.begin(), all.end()).size(), made.rows);
    for (std::uint32_t row = 0; row < made.rows; row += 7) {
      const auto found = search(file, made.row(row), 1);
      EXPECT_EQ(found, std::vector<std::uint32_t>{row});
      EXPECT_EQ(file.meta_json(row).value(), "{\"row\":" + std::to_string(row) + "}");
    }
  }
  static test::VectorSet first_rows(const test::VectorSet& made, std::uint32_t rows) {
    return {rows, made.dim, {made.values.begin(), made.values.begin() + std::ptrdiff_t{rows} * made.dim}};
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("rows.vdb");
};

TEST_F(SingleFileTest, builds_and_stores_a_missing_graph_with_progress) {
  const auto made = test::make_vectors(1500, 20, 1);
  test::write_vdb(fs_, path_, made, Metric::kCosine);
  std::uint64_t done = 0;
  const auto file = SingleFile::open(fs_, path_, options(), [&](std::uint64_t rows, std::uint64_t total) {
    EXPECT_EQ(total, 1500U);
    EXPECT_GE(rows, done);
    done = rows;
  });
  ASSERT_OK(file);
  EXPECT_EQ(done, 1500U);
  const SingleFileInfo info = (*file)->info();
  EXPECT_EQ(info.graph_not_stored, "");
  EXPECT_EQ(info.dim, 20U);
  EXPECT_EQ(info.metric, Metric::kCosine);
  EXPECT_EQ(info.m, 16U);
  EXPECT_EQ(info.ef_construction, 100U);
  EXPECT_EQ(info.persisted_vectors, 1500U);
  EXPECT_GE(info.layers, 2U);
  EXPECT_GT(info.mapped_bytes, 1500U * 20 * 4);
  const auto again = SingleFile::open(fs_, path_, options(), [](std::uint64_t, std::uint64_t) { FAIL(); });
  ASSERT_OK(again);
  EXPECT_GE(mean_recall(**again, made, Metric::kCosine), 0.97);
}

TEST_F(SingleFileTest, answers_with_scores_as_the_metric_says) {
  const test::VectorSet made{3, 2, {1, 0, 3, 4, 0, 2}};
  const std::vector<float> query = {2, 0};
  for (const auto& [metric, row, score] :
       {std::tuple{Metric::kCosine, 0U, 1.0F}, std::tuple{Metric::kDot, 1U, 6.0F}, std::tuple{Metric::kL2, 0U, 1.0F}}) {
    test::write_vdb(fs_, path_, made, metric);
    const auto file = open(fs_);
    ASSERT_NE(file, nullptr);
    const auto hits = file->search(query, 1, 0);
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), 1U);
    EXPECT_EQ(hits->front().row, row) << to_string(metric);
    EXPECT_FLOAT_EQ(hits->front().score, score) << to_string(metric);
  }
}

TEST_F(SingleFileTest, a_search_past_its_deadline_is_a_timeout_and_not_an_answer_of_less) {
  const auto made = test::make_vectors(300, 8, 5);
  test::write_vdb(fs_, path_, first_rows(made, 100), Metric::kDot);
  const auto file = open(fs_);
  ASSERT_NE(file, nullptr);
  ingest(*file, made, 100, 300);
  test::FakeClock clock;
  const Deadline deadline(clock, clock.monotonic_ns() + 1);
  EXPECT_OK(file->search(made.row(0), 10, 50, deadline));
  clock.advance_ms(1);
  EXPECT_CODE(file->search(made.row(0), 10, 50, deadline), ErrorCode::kTimeout);
}

TEST_F(SingleFileTest, serves_new_rows_at_once_and_after_a_flush_and_a_restart) {
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    const auto made = test::make_vectors(1800, 24, 2);
    test::write_vdb(fs_, path_, first_rows(made, 1100), metric);
    auto file = open(fs_);
    ASSERT_NE(file, nullptr);
    ingest(*file, made, 1100, 1500);
    expect_rows(*file, first_rows(made, 1500));
    const FlushStatus status = flush(*file);
    EXPECT_EQ(status.state, FlushState::kCompleted) << status.error.value_or("");
    EXPECT_EQ(status.job_id, 1U);
    EXPECT_EQ(status.snapshot_vectors, 400U);
    EXPECT_EQ(status.persisted_vectors, 1500U);
    EXPECT_EQ(status.dynamic_vectors, 0U);
    expect_rows(*file, first_rows(made, 1500));
    ingest(*file, made, 1500, 1800);
    expect_rows(*file, made);
    EXPECT_EQ(flush(*file).job_id, 2U);
    EXPECT_GE(mean_recall(*file, made, metric), 0.97);
    file.reset();
    file = open(fs_);
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->info().persisted_vectors, 1800U);
    expect_rows(*file, made);
    EXPECT_EQ(test::names_in(fs_, folder_.path()), "rows.vdb");
  }
}

TEST_F(SingleFileTest, grows_from_an_empty_file) {
  const auto made = test::make_vectors(1300, 16, 3);
  test::write_vdb(fs_, path_, first_rows(made, 0), Metric::kDot);
  const auto file = open(fs_);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->info().layers, 0U);
  EXPECT_TRUE(search(*file, made.row(0), 10).empty());
  EXPECT_EQ(file->start_flush(), FlushStart::kNothingToFlush);
  EXPECT_EQ(file->flush_status().state, FlushState::kIdle);
  EXPECT_EQ(file->flush_status().job_id, 0U);
  ingest(*file, made, 0, 1);
  EXPECT_EQ(search(*file, made.row(0), 10), std::vector<std::uint32_t>{0});
  EXPECT_EQ(flush(*file).state, FlushState::kCompleted);
  EXPECT_EQ(file->info().layers, 1U);
  ingest(*file, made, 1, 1300);
  EXPECT_EQ(flush(*file).state, FlushState::kCompleted);
  EXPECT_EQ(file->info().persisted_vectors, 1300U);
  EXPECT_GE(mean_recall(*file, made, Metric::kDot), 0.97);
}

TEST_F(SingleFileTest, refuses_what_it_cannot_serve) {
  test::write_vdb(fs_, path_, test::make_vectors(5, 3, 1), Metric::kCosine);
  const auto file = open(fs_);
  ASSERT_NE(file, nullptr);
  const std::vector<float> good = {1, 2, 3};
  EXPECT_CODE(file->search(std::vector<float>{1, 2}, 1, 10), ErrorCode::kDimMismatch);
  EXPECT_CODE(file->search(std::vector<float>{0, 0, 0}, 1, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(file->search(good, 0, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(file->search(good, 10'001, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(file->search(good, 1, 4097), ErrorCode::kInvalidArgument);
  EXPECT_OK(file->search(good, 10'000, 4096));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_CODE(file->ingest(std::vector<float>{1, nan, 3}, ""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(file->ingest(std::vector<float>{0, 0, 0}, ""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(file->ingest(std::vector<float>{1}, ""), ErrorCode::kDimMismatch);
  EXPECT_EQ(file->info().dynamic_vectors, 0U);
}

TEST_F(SingleFileTest, takes_no_more_rows_than_its_buffer_holds_until_a_flush) {
  const auto made = test::make_vectors(12, 3, 1);
  test::write_vdb(fs_, path_, first_rows(made, 5), Metric::kL2);
  auto small = options();
  small.max_ram_buffer_vectors = 4;
  const auto file = SingleFile::open(fs_, path_, small, {});
  ASSERT_OK(file);
  ingest(**file, made, 5, 9);
  EXPECT_CODE((*file)->ingest(made.row(9), ""), ErrorCode::kUnavailable);
  EXPECT_EQ(flush(**file).state, FlushState::kCompleted);
  ingest(**file, made, 9, 12);
  expect_rows(**file, made);
}

TEST_F(SingleFileTest, checks_its_options_at_their_edges) {
  test::write_vdb(fs_, path_, test::make_vectors(5, 3, 1), Metric::kL2);
  const auto open_with = [&](std::uint32_t m, std::uint32_t ef_construction, std::uint32_t buffer) {
    SingleFileOptions changed = options();
    changed.m = m;
    changed.ef_construction = ef_construction;
    changed.max_ram_buffer_vectors = buffer;
    return SingleFile::open(fs_, path_, changed, {}).status();
  };
  const std::uint32_t ef_max = limits::kEfConstructionMax;
  EXPECT_OK(open_with(limits::kGraphMMin, 1, 0));
  EXPECT_OK(open_with(limits::kGraphMMax, ef_max, limits::kHotRowsMax));
  EXPECT_CODE(open_with(limits::kGraphMMin - 1, 10, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(open_with(limits::kGraphMMax + 1, 10, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(open_with(16, 0, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(open_with(16, ef_max + 1, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(open_with(16, 10, limits::kHotRowsMax + 1), ErrorCode::kInvalidArgument);
}

TEST_F(SingleFileTest, opens_nothing_that_is_missing_or_damaged) {
  EXPECT_CODE(SingleFile::open(fs_, path_, options(), {}), ErrorCode::kNotFound);
  test::write_text(fs_, path_, std::string(300, 'x'));
  EXPECT_CODE(SingleFile::open(fs_, path_, options(), {}), ErrorCode::kCorruption);
}

TEST_F(SingleFileTest, keeps_the_graph_in_memory_where_the_folder_takes_no_file) {
  const auto made = test::make_vectors(1200, 20, 4);
  test::write_vdb(fs_, path_, first_rows(made, 1100), Metric::kCosine);
  const auto before = test::read_text(fs_, path_);
  io::FaultyFileSystem read_only(fs_);
  io::FaultRule rule;
  rule.call = io::IoCall::kOpen;
  rule.for_good = true;
  read_only.add_rule(rule);
  const auto file = open(read_only);
  ASSERT_NE(file, nullptr);
  EXPECT_NE(file->info().graph_not_stored.find("injected fault"), std::string::npos);
  EXPECT_GE(mean_recall(*file, first_rows(made, 1100), Metric::kCosine), 0.97);
  EXPECT_TRUE(before == test::read_text(fs_, path_));

  ingest(*file, made, 1100, 1200);
  const FlushStatus failed = flush(*file);
  EXPECT_EQ(failed.state, FlushState::kFailed);
  EXPECT_FALSE(failed.error.value_or("").empty());
  expect_rows(*file, made);
  read_only.clear_rules();
  EXPECT_EQ(flush(*file).state, FlushState::kCompleted);
  EXPECT_EQ(file->info().graph_not_stored, "");
  expect_rows(*file, made);
}

TEST_F(SingleFileTest, loses_nothing_when_any_call_of_a_flush_fails) {
  const auto made = test::make_vectors(90, 4, 5);
  test::write_vdb(fs_, path_, first_rows(made, 60), Metric::kL2);
  (void)open(fs_);
  const auto before = test::read_text(fs_, path_).value();
  std::uint64_t calls = 1;
  for (std::uint64_t call = 0; call < calls; ++call) {
    SCOPED_TRACE(call);
    // A disk that fails for good also keeps the temporary files, as a kill does: the next start removes them.
    (void)open(fs_);
    ASSERT_EQ(test::names_in(fs_, folder_.path()), "rows.vdb");
    test::write_text(fs_, path_, before);
    io::FaultyFileSystem faulty(fs_);
    const auto file = open(faulty);
    ASSERT_NE(file, nullptr);
    ingest(*file, made, 60, 80);
    io::FaultRule rule;
    rule.operation = faulty.operation_count() + call;
    rule.for_good = true;
    faulty.add_rule(rule);
    const std::uint64_t start = faulty.operation_count();
    const FlushStatus status = flush(*file);
    if (status.state == FlushState::kCompleted) {
      EXPECT_GE(faulty.operation_count() - start, call) << "only removing what is left over may fail";
    } else {
      ASSERT_EQ(status.state, FlushState::kFailed);
      EXPECT_FALSE(status.error.value_or("").empty());
      calls = call + 2;
    }
    expect_rows(*file, first_rows(made, 80));
    const auto on_disk = store::VdbFile::open(fs_, path_);
    ASSERT_OK(on_disk);
    EXPECT_OK((*on_disk)->verify());
    EXPECT_TRUE((*on_disk)->rows() == 60 || (*on_disk)->rows() == 80);

    // Rows that come after the failure follow behind, and the next flush takes all.
    faulty.clear_rules();
    ingest(*file, made, 80, 90);
    const FlushStatus second = flush(*file);
    ASSERT_EQ(second.state, FlushState::kCompleted) << second.error.value_or("");
    expect_rows(*file, made);
  }
  EXPECT_GT(calls, 10U);
}

TEST_F(SingleFileTest, names_stored_meta_that_is_damaged) {
  test::write_vdb(fs_, path_, test::make_vectors(5, 3, 1), Metric::kL2);
  ASSERT_NE(open(fs_), nullptr);
  std::string bytes = test::read_text(fs_, path_).value();
  bytes[bytes.find("{\"row\":3}") + 7] = '4';
  test::write_text(fs_, path_, bytes);
  const auto file = open(fs_);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(search(*file, test::make_vectors(5, 3, 1).row(3), 1), std::vector<std::uint32_t>{3});
  EXPECT_CODE(file->meta_json(3), ErrorCode::kCorruption);
  EXPECT_NE(file->meta_json(3).status().message().find(path_ + ": offset "), std::string::npos);
}

// Another program puts a file of its own in place of each one that is published.
class ContestedFileSystem : public io::FaultyFileSystem {
 public:
  ContestedFileSystem(io::FileSystem& base, std::string path) : FaultyFileSystem(base), base_(base), path_(path) {}
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) override {
    Status renamed = FaultyFileSystem::rename(from, to);
    if (to == path_) {
      test::write_vdb(base_, path_, test::make_vectors(7, 2, 9), Metric::kDot);
    }
    return renamed;
  }

 private:
  io::FileSystem& base_;
  std::string path_;
};

TEST_F(SingleFileTest, serves_what_it_flushed_when_another_program_replaces_the_file) {
  const auto made = test::make_vectors(90, 4, 5);
  test::write_vdb(fs_, path_, first_rows(made, 60), Metric::kL2);
  ContestedFileSystem contested(fs_, path_);
  const auto file = open(contested);
  ASSERT_NE(file, nullptr);
  expect_rows(*file, first_rows(made, 60));
  ingest(*file, made, 60, 80);
  EXPECT_EQ(flush(*file).state, FlushState::kCompleted);
  ingest(*file, made, 80, 90);
  expect_rows(*file, made);
}

TEST_F(SingleFileTest, takes_no_more_meta_than_its_buffer_holds_until_a_flush) {
  const auto made = test::make_vectors(8, 3, 1);
  test::write_vdb(fs_, path_, first_rows(made, 2), Metric::kL2);
  auto small = options();
  small.max_ram_buffer_meta_bytes = 10;
  io::FaultyFileSystem faulty(fs_);
  const auto file = SingleFile::open(faulty, path_, small, {});
  ASSERT_OK(file);
  EXPECT_OK((*file)->ingest(made.row(2), "12345"));
  faulty.add_rule({.call = io::IoCall::kRename});
  EXPECT_EQ(flush(**file).state, FlushState::kFailed) << "rows that wait for another flush count, too";
  EXPECT_OK((*file)->ingest(made.row(3), "1234"));
  EXPECT_CODE((*file)->ingest(made.row(4), "12"), ErrorCode::kUnavailable);
  EXPECT_OK((*file)->ingest(made.row(4), "1"));
  EXPECT_CODE((*file)->ingest(made.row(5), "1"), ErrorCode::kUnavailable);
  EXPECT_OK((*file)->ingest(made.row(5), ""));
  EXPECT_EQ(flush(**file).state, FlushState::kCompleted);
  EXPECT_OK((*file)->ingest(made.row(6), "1234567890"));
}

TEST_F(SingleFileTest, waits_for_a_flush_that_runs) {
  const auto made = test::make_vectors(40, 3, 1);
  test::write_vdb(fs_, path_, first_rows(made, 10), Metric::kL2);
  const auto file = open(fs_);
  ASSERT_NE(file, nullptr);
  file->wait_for_flush();
  for (std::uint32_t row = 10; row < 40; ++row) {
    ingest(*file, made, row, row + 1);
    ASSERT_EQ(file->start_flush(), FlushStart::kStarted);
    file->wait_for_flush();
    EXPECT_EQ(file->flush_status().state, FlushState::kCompleted);
    EXPECT_EQ(file->flush_status().dynamic_vectors, 0U);
  }
}

TEST_F(SingleFileTest, removes_what_a_killed_flush_left_behind_and_nothing_else) {
  test::write_vdb(fs_, path_, test::make_vectors(5, 3, 1), Metric::kL2);
  test::write_text(fs_, flush_staging_path(path_), "half a file");
  for (const char* left : {".indexed", ".0.vibrato-tmp", ".norms.0.vibrato-tmp", ".indexed.1.vibrato-tmp"}) {
    test::write_text(fs_, flush_staging_path(path_) + left, "less than that");
  }
  test::write_text(fs_, folder_.path("rows.vdb.flushing-plan.txt"), "of somebody else");
  test::write_text(fs_, folder_.path("rows.vdb.0.vibrato-tmp"), "a build that may still run");
  ASSERT_NE(open(fs_), nullptr);
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "rows.vdb rows.vdb.0.vibrato-tmp rows.vdb.flushing-plan.txt");
}

}  // namespace
}  // namespace vibrato::vector
