#include "app/ingest_rows.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "store/vdb_file.hpp"
#include "support/status_matchers.hpp"
#include "unit/app/input_files.hpp"

namespace vibrato::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IngestRowsTest : public ::testing::Test {
 protected:
  Result<IngestReport> ingest(const std::string& input, Metric metric = Metric::kDot,
                              std::optional<std::string> meta = std::nullopt) {
    return ingest_file(files_.fs, {{input, std::nullopt, std::move(meta)}, files_.path("out.vdb"), metric}, {});
  }

  // Ingests what must fail; the folder must be as it was. Returns the message.
  std::string failure(const std::string& input, Metric metric = Metric::kDot,
                      std::optional<std::string> meta = std::nullopt) {
    const std::set<std::string> names_before = files_.names();
    const std::string output_before = files_.content("out.vdb");
    const Result<IngestReport> report = ingest(input, metric, std::move(meta));
    EXPECT_EQ(files_.names(), names_before);
    EXPECT_EQ(files_.content("out.vdb"), output_before);
    return report.ok() ? "it did not fail" : report.status().message();
  }

  InputFiles files_;
};

TEST_F(IngestRowsTest, rows_and_meta_are_what_the_input_holds) {
  const std::string input = files_.write("in.jsonl", "{\"vector\":[1,2,3],\"meta\":{\"a\": 1}}\n[4,5,6]\n");
  const Result<IngestReport> report = ingest(input, Metric::kL2);
  ASSERT_OK(report);
  EXPECT_EQ(report->rows, 2U);
  EXPECT_EQ(report->dim, 3U);
  const auto file = store::VdbFile::open(files_.fs, files_.path("out.vdb"));
  ASSERT_OK(file);
  EXPECT_EQ((*file)->rows(), 2U);
  EXPECT_EQ((*file)->metric(), Metric::kL2);
  EXPECT_THAT((*file)->vectors().row(1), ElementsAre(4.0F, 5.0F, 6.0F));
  EXPECT_EQ(*(*file)->meta_json(0), "{\"a\":1}");
  EXPECT_EQ(*(*file)->meta_json(1), "");
  EXPECT_OK((*file)->verify());
  EXPECT_EQ(files_.names(), (std::set<std::string>{"in.jsonl", "out.vdb"}));
}

TEST_F(IngestRowsTest, meta_of_another_file_goes_row_by_row) {
  const std::string input = files_.write_npy("in.npy", 2, 1, {1, 2});
  const std::string meta = files_.write("meta.jsonl", "{\"name\":\"a\"}\nnull\n");
  ASSERT_OK(ingest(input, Metric::kDot, meta));
  const auto file = store::VdbFile::open(files_.fs, files_.path("out.vdb"));
  ASSERT_OK(file);
  EXPECT_EQ(*(*file)->meta_json(0), "{\"name\":\"a\"}");
  EXPECT_EQ(*(*file)->meta_json(1), "");
}

TEST_F(IngestRowsTest, meta_must_have_a_line_for_each_row) {
  const std::string input = files_.write_npy("in.npy", 2, 1, {1, 2});
  EXPECT_THAT(failure(input, Metric::kDot, files_.write("few.jsonl", "1\n")),
              HasSubstr("row 1: " + files_.path("few.jsonl") + ": there is no line left"));
  EXPECT_THAT(failure(input, Metric::kDot, files_.write("many.jsonl", "1\n2\n3\n")),
              HasSubstr("more lines than the 2"));
  EXPECT_THAT(failure(input, Metric::kDot, files_.write("bad.jsonl", "1\n{\n")),
              HasSubstr("row 1: " + files_.path("bad.jsonl") + ": line 2: malformed"));
  const std::string own = files_.write("own.jsonl", "{\"vector\":[1],\"meta\":1}\n");
  EXPECT_THAT(failure(own, Metric::kDot, files_.write("one.jsonl", "1\n")), HasSubstr("meta of its own"));
}

TEST_F(IngestRowsTest, a_success_replaces_what_was_there) {
  ASSERT_OK(ingest(files_.write("a.jsonl", "[1]\n[2]\n")));
  ASSERT_OK(ingest(files_.write("b.jsonl", "[7,7]\n")));
  const auto file = store::VdbFile::open(files_.fs, files_.path("out.vdb"));
  ASSERT_OK(file);
  EXPECT_EQ((*file)->rows(), 1U);
  EXPECT_EQ((*file)->dim(), 2U);
}

TEST_F(IngestRowsTest, every_bad_row_is_named_and_nothing_is_left_behind) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(failure(files_.write("dim.jsonl", "[1,2]\n[3,4]\n[5]\n")),
              HasSubstr("dim.jsonl: row 2 (line 3): the vector has 1 numbers, those before it have 2"));
  EXPECT_THAT(failure(files_.write("empty.jsonl", "[1,2]\n[]\n")), HasSubstr("row 1 (line 2): the vector is empty"));
  EXPECT_THAT(failure(files_.write("malformed.json", "[[1,2],[3,4],[5,}]")),
              HasSubstr("malformed.json: row 2 (from byte 13): malformed JSON"));
  EXPECT_THAT(failure(files_.write_fvecs("inf.fvecs", {{1, 2}, {1, infinity}})),
              HasSubstr("inf.fvecs: row 1: element 1 of the vector is not a finite number"));
  EXPECT_THAT(failure(files_.write_npy("nan.npy", 2, 2, {1, 2, std::nanf(""), 2})),
              HasSubstr("nan.npy: row 1: element 0 of the vector is not a finite number"));
  EXPECT_THAT(failure(files_.write("zero.jsonl", "[1,2]\n[0,-0.0]\n"), Metric::kCosine),
              HasSubstr("row 1 (line 2): the vector is all zeros"));
  EXPECT_THAT(failure(files_.write("none.json", "[]")), HasSubstr("no rows"));
  EXPECT_THAT(failure(files_.path("absent.npy")), HasSubstr("absent.npy"));
}

TEST_F(IngestRowsTest, an_error_leaves_the_old_output_as_it_was) {
  ASSERT_OK(ingest(files_.write("good.jsonl", "[1]\n")));
  EXPECT_THAT(failure(files_.write("bad.jsonl", "[1]\n[2]\noops\n")), HasSubstr("row 2 (line 3)"));
}

TEST_F(IngestRowsTest, zero_vectors_are_rows_like_others_under_dot_and_l2) {
  EXPECT_OK(ingest(files_.write("in.jsonl", "[0,0]\n"), Metric::kDot));
  EXPECT_OK(ingest(files_.write("in.jsonl", "[0,0]\n"), Metric::kL2));
}

TEST_F(IngestRowsTest, a_file_of_another_kind_is_never_replaced) {
  files_.write("out.vdb", "my only copy of something");
  EXPECT_THAT(failure(files_.write("in.jsonl", "[1]\n")), HasSubstr("exists and is not a .vdb file"));
}

TEST_F(IngestRowsTest, a_stop_leaves_nothing_behind) {
  const IngestOptions options{
      {files_.write("in.jsonl", "[1]\n[2]\n[3]\n"), std::nullopt, std::nullopt}, files_.path("out.vdb"), Metric::kDot};
  const auto report =
      ingest_file(files_.fs, options, [](std::uint64_t rows, std::uint64_t, double) { return rows < 2; });
  EXPECT_CODE(report, ErrorCode::kConflict);
  EXPECT_EQ(files_.names(), std::set<std::string>{"in.jsonl"});
}

TEST_F(IngestRowsTest, progress_counts_every_row) {
  std::vector<std::uint64_t> seen;
  const IngestOptions options{
      {files_.write_npy("in.npy", 3, 1, {1, 2, 3}), std::nullopt, std::nullopt}, files_.path("out.vdb"), Metric::kDot};
  ASSERT_OK(ingest_file(files_.fs, options, [&](std::uint64_t rows, std::uint64_t total, double) {
    EXPECT_EQ(total, 3U);
    seen.push_back(rows);
    return true;
  }));
  EXPECT_THAT(seen, ElementsAre(1U, 2U, 3U));
}

}  // namespace
}  // namespace vibrato::app
