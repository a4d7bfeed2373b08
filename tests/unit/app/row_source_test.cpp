#include "app/row_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "app/json_rows.hpp"
#include "support/status_matchers.hpp"
#include "unit/app/input_files.hpp"

namespace vibrato::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct ReadRows {
  std::vector<InputRow> rows;
  Status error;
  std::string position;  // Where the reading ended.
};

class RowSourceTest : public ::testing::Test {
 protected:
  ReadRows read(const std::string& path, InputFormat format) {
    ReadRows result;
    Result<std::unique_ptr<RowSource>> source = open_row_source(files_.fs, path, format);
    result.error = source.status();
    InputRow row;
    while (result.error.ok()) {
      const Result<bool> found = (*source)->next(row);
      result.position = (*source)->position();
      result.error = found.status();
      if (!found.ok() || !*found) break;
      result.rows.push_back(row);
    }
    return result;
  }

  ReadRows read_json(const std::string& content) { return read(files_.write("in.json", content), InputFormat::kJson); }
  ReadRows read_lines(const std::string& content) {
    return read(files_.write("in.jsonl", content), InputFormat::kJsonLines);
  }

  InputFiles files_;
};

TEST_F(RowSourceTest, json_arrays_hold_vectors_or_objects) {
  const ReadRows read = read_json("\n[ [1, 2.5],\n {\"meta\": {\"a\": [1, \"],[\\\"}\"]}, \"vector\": [-3, 4e0]} ]\n");
  ASSERT_OK(read.error);
  ASSERT_EQ(read.rows.size(), 2U);
  EXPECT_THAT(read.rows[0].vector, ElementsAre(1.0F, 2.5F));
  EXPECT_EQ(read.rows[0].meta_json, "");
  EXPECT_THAT(read.rows[1].vector, ElementsAre(-3.0F, 4.0F));
  EXPECT_EQ(read.rows[1].meta_json, R"({"a":[1,"],[\"}"]})");
}

TEST_F(RowSourceTest, an_empty_json_array_has_no_rows) {
  for (const char* content : {"[]", " [ \n] "}) {
    const ReadRows read = read_json(content);
    EXPECT_OK(read.error) << content;
    EXPECT_THAT(read.rows, IsEmpty());
  }
}

TEST_F(RowSourceTest, malformed_json_arrays_are_errors) {
  for (const char* content : {"", " ", "{}", "[[1]", "[[1],]", "[,[1]]", "[[1]] x", "[[1]][", "[[1}]", "[[1] [2]]",
                              "[\"abc", "[[1],", "[[1], 5]", "[[1], null]", "[}]", "[[1,]]"}) {
    EXPECT_FALSE(read_json(content).error.ok()) << content;
  }
}

TEST_F(RowSourceTest, rows_across_read_blocks_stay_whole) {
  // Strings full of brackets and quotes, long enough to lie across every block of the reader.
  std::string array = "[";
  std::string lines;
  constexpr int kRows = 700;
  for (int i = 0; i < kRows; ++i) {
    const std::string text(static_cast<std::size_t>(1000 + i), i % 2 == 0 ? ']' : '[');
    const std::string row = "{\"vector\": [" + std::to_string(i) + "], \"meta\": \"\\\"" + text + "\\\\\"}";
    array += (i == 0 ? "" : ",") + row;
    lines += row + "\n";
  }
  for (const ReadRows& read : {read_json(array + "]"), read_lines(lines)}) {
    ASSERT_OK(read.error);
    ASSERT_EQ(read.rows.size(), std::size_t{kRows});
    for (std::size_t i = 0; i < read.rows.size(); ++i) {
      ASSERT_THAT(read.rows[i].vector, ElementsAre(static_cast<float>(i)));
      ASSERT_EQ(read.rows[i].meta_json.size(), 1000 + i + 6) << i;
    }
  }
}

TEST_F(RowSourceTest, lines_may_be_blank_and_the_last_may_lack_its_newline) {
  const ReadRows read = read_lines("[1]\r\n\n   \n{\"vector\":[2],\"meta\":null}\n[3]");
  ASSERT_OK(read.error);
  ASSERT_EQ(read.rows.size(), 3U);
  EXPECT_THAT(read.rows[1].vector, ElementsAre(2.0F));
  EXPECT_EQ(read.rows[1].meta_json, "");
  EXPECT_THAT(read.rows[2].vector, ElementsAre(3.0F));
}

TEST_F(RowSourceTest, the_line_of_an_error_is_known) {
  const ReadRows read = read_lines("[1]\n\n[2,]\n");
  EXPECT_CODE(read.error, ErrorCode::kInvalidJson);
  EXPECT_EQ(read.position, "line 3");
}

TEST_F(RowSourceTest, rows_that_are_no_rows_say_why) {
  EXPECT_THAT(read_lines("{\"vector\":[1],\"metta\":1}").error.message(), HasSubstr("unknown field 'metta'"));
  EXPECT_THAT(read_lines("{\"meta\":1}").error.message(), HasSubstr("'vector' is missing"));
  EXPECT_THAT(read_lines("{\"vector\":\"1\"}").error.message(), HasSubstr("not an array of numbers"));
  EXPECT_THAT(read_lines("[1, \"2\"]").error.message(), HasSubstr("element 1 of the vector is not a number"));
  EXPECT_THAT(read_lines("[1, true]").error.message(), HasSubstr("element 1 of the vector is not a number"));
  EXPECT_THAT(read_lines("[1, 2, 1e39]").error.message(), HasSubstr("element 2 of the vector is past the float range"));
  EXPECT_CODE(read_lines("[1, NaN]").error, ErrorCode::kInvalidJson);
  EXPECT_CODE(read_lines("[1, 1e999]").error, ErrorCode::kInvalidJson);
  EXPECT_CODE(read_lines("[1] [2]").error, ErrorCode::kInvalidJson);
  EXPECT_CODE(read_lines("{\"vector\":[1],\"meta\":\"\xff\"}").error, ErrorCode::kInvalidJson);
}

TEST_F(RowSourceTest, json_depth_is_bounded_at_32_as_in_a_request) {
  // The row is a level itself; the innermost array is not empty, or it would not count.
  const auto nested = [](std::size_t levels) {
    return "{\"vector\":[1],\"meta\":" + std::string(levels - 1, '[') + "1" + std::string(levels - 1, ']') + "}";
  };
  EXPECT_OK(read_lines(nested(31)).error);
  EXPECT_OK(read_lines(nested(32)).error);
  EXPECT_CODE(read_lines(nested(33)).error, ErrorCode::kInvalidJson);
}

TEST_F(RowSourceTest, ids_are_ignored_and_noted) {
  const ReadRows read = read_lines("{\"id\":\"x\",\"vector\":[1]}\n[2]\n");
  ASSERT_OK(read.error);
  EXPECT_FALSE(read.rows[0].id_json.empty());
  EXPECT_TRUE(read.rows[1].id_json.empty());
}

TEST_F(RowSourceTest, vectors_past_the_largest_dim_are_refused) {
  std::string row = "[0";
  for (int i = 1; i < 16384; ++i) row += ",0";
  EXPECT_OK(read_lines(row + "]").error);
  EXPECT_THAT(read_lines(row + ",0]").error.message(), HasSubstr("more than 16384"));
}

TEST_F(RowSourceTest, a_row_whose_text_never_ends_is_cut_off) {
  const std::string endless(kRowTextBytesMax + 1, ' ');
  EXPECT_CODE(read_lines("[1" + endless + "]").error, ErrorCode::kInvalidArgument);
  EXPECT_CODE(read_json("[[1" + endless + "]]").error, ErrorCode::kInvalidArgument);
}

TEST_F(RowSourceTest, meta_past_one_mebibyte_is_refused) {
  const auto row = [](std::size_t meta_bytes) {
    return "{\"vector\":[1],\"meta\":\"" + std::string(meta_bytes - 2, 'x') + "\"}";
  };
  EXPECT_OK(read_lines(row(1024 * 1024)).error);
  EXPECT_CODE(read_lines(row(1024 * 1024 + 1)).error, ErrorCode::kPayloadTooLarge);
}

TEST_F(RowSourceTest, binary_files_larger_than_a_block_are_read_in_order) {
  constexpr std::size_t kRows = 5000;
  constexpr std::size_t kDim = 70;
  std::vector<float> values(kRows * kDim);
  std::vector<std::vector<float>> rows(kRows, std::vector<float>(kDim));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
    rows[i / kDim][i % kDim] = values[i];
  }
  const ReadRows npy = read(files_.write_npy("in.npy", kRows, kDim, values), InputFormat::kNpy);
  const ReadRows fvecs = read(files_.write_fvecs("in.fvecs", rows), InputFormat::kFvecs);
  for (const ReadRows* read : {&npy, &fvecs}) {
    ASSERT_OK(read->error);
    ASSERT_EQ(read->rows.size(), kRows);
    for (std::size_t i = 0; i < kRows; ++i) ASSERT_EQ(read->rows[i].vector, rows[i]) << i;
  }
}

TEST_F(RowSourceTest, binary_sources_know_their_rows_and_their_share) {
  auto source = open_row_source(files_.fs, files_.write_fvecs("in.fvecs", {{1}, {2}, {3}, {4}}), InputFormat::kFvecs);
  ASSERT_OK(source);
  EXPECT_EQ((*source)->rows_total(), 4U);
  InputRow row;
  ASSERT_OK((*source)->next(row));
  EXPECT_EQ((*source)->share_done(), 0.25);
}

TEST_F(RowSourceTest, the_format_is_told_from_the_name_first) {
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.json"), InputFormat::kJson);
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.jsonl"), InputFormat::kJsonLines);
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.ndjson"), InputFormat::kJsonLines);
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.npy"), InputFormat::kNpy);
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.fvecs"), InputFormat::kFvecs);
  EXPECT_EQ(*detect_input_format(files_.fs, "/nowhere/a.bvecs"), InputFormat::kBvecs);
  EXPECT_THAT(detect_input_format(files_.fs, "/nowhere/a.npy.gz").status().message(), HasSubstr("unpack it first"));
  EXPECT_THAT(detect_input_format(files_.fs, "/nowhere/a.ivecs").status().message(), HasSubstr("integers"));
  EXPECT_CODE(detect_input_format(files_.fs, "/nowhere/a"), ErrorCode::kNotFound);
}

TEST_F(RowSourceTest, the_format_is_told_from_the_content_otherwise) {
  const auto detect = [this](const std::string& content) {
    return detect_input_format(files_.fs, files_.write("unnamed", content));
  };
  EXPECT_EQ(*detect(" [\n [1]]"), InputFormat::kJson);
  EXPECT_EQ(*detect("[{\"vector\":[1]}]"), InputFormat::kJson);
  EXPECT_EQ(*detect("[1, 2]\n[3, 4]\n"), InputFormat::kJsonLines);
  EXPECT_EQ(*detect("{\"vector\":[1]}"), InputFormat::kJsonLines);
  EXPECT_EQ(*detect("\x93NUMPY"), InputFormat::kNpy);
  EXPECT_CODE(detect("what is this"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(detect(""), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::app
