#include "api/import_rows.hpp"

#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::api {
namespace {

template <typename Number>
std::string bytes_of(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

std::string fvecs_row(const std::vector<float>& row) {
  std::string bytes = bytes_of(static_cast<std::int32_t>(row.size()));
  for (const float value : row) bytes += bytes_of(value);
  return bytes;
}

std::string npy(std::size_t rows, std::size_t dim) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}\n", rows, dim);
  std::string bytes = "\x93NUMPY";
  bytes += '\1';
  bytes += '\0';
  bytes += bytes_of(static_cast<std::uint16_t>(header.size())) + header;
  for (std::size_t i = 0; i < rows * dim; ++i) bytes += bytes_of(static_cast<float>(i));
  return bytes;
}

class ImportRowsTest : public ::testing::Test {
 protected:
  TakeRow take() {
    return [this](vector::PointInput& point) {
      seen_ += point.id.view().is_text ? std::string(point.id.view().text) : std::to_string(point.id.view().number);
      for (const float value : point.vector) seen_ += fmt::format(" {}", value);
      seen_ += point.meta_json.empty() ? ";" : fmt::format(" {};", point.meta_json);
      return seen_.size() > fails_at_ ? invalid_argument("vector: no") : ok_status();
    };
  }
  // All of the text, in pieces of a size.
  Status read(ImportRows& rows, std::string_view text, std::size_t piece) {
    seen_.clear();
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
      VIBRATO_RETURN_IF_ERROR(rows.take(text.substr(0, piece)));
    }
    return rows.finish();
  }
  Status read_lines(std::string_view text, std::size_t piece = 1000) {
    return read(*read_ndjson_rows(take()), text, piece);
  }
  Status read_bytes(std::string_view text, std::size_t piece = 1000) {
    return read(*read_binary_rows(5, take()), text, piece);
  }

  std::string seen_;
  std::size_t fails_at_ = 1'000'000'000;
};

TEST_F(ImportRowsTest, lines_are_read_whatever_their_pieces) {
  const std::string text =
      "{\"id\":1,\"vector\":[1,2]}\r\n\n{\"id\":\"a\",\"vector\":[0.5,2],\"meta\":{\"k\": 1}}\n"
      "{\"id\":2,\"vector_b64\":\"AACAPwAAAEA=\"}";
  for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
    EXPECT_OK(read_lines(text, piece));
    EXPECT_EQ(seen_, "1 1 2;a 0.5 2 {\"k\":1};2 1 2;") << piece;
  }
  EXPECT_OK(read_lines(""));
  EXPECT_EQ(seen_, "");
}

TEST_F(ImportRowsTest, faults_of_lines_name_them) {
  const std::string good = "{\"id\":1,\"vector\":[1,2]}\n";
  const auto fault = [&](const std::string& text) {
    const Status status = read_lines(text);
    return fmt::format("{} {}", static_cast<int>(status.code()), status.message());
  };
  EXPECT_NE(fault(good + "{\"id\":1").find("line 2: "), std::string::npos);
  EXPECT_NE(fault(good + "\n[1]\n").find("line 3: "), std::string::npos);
  EXPECT_NE(fault("{\"id\":1,\"vector\":[1,2],\"x\":1}\n").find("line 1: "), std::string::npos);
  EXPECT_NE(fault("{\"id\":1}\n").find("vector"), std::string::npos);
  EXPECT_CODE(read_lines("{\"id\":1,\"vector\":[1,2],\"x\":1}\n"), ErrorCode::kUnknownField);
  EXPECT_CODE(read_lines("{\"id\":1,\"vector\":[1,2]"), ErrorCode::kInvalidJson);
  fails_at_ = 7;
  EXPECT_EQ(read_lines(good + good).message(), "line 2: vector: no");
}

TEST_F(ImportRowsTest, a_line_may_be_so_long_and_no_longer) {
  const std::string begin = "{\"id\":1,\"vector\":[1,2]";
  const auto line = [&](std::size_t bytes) { return begin + std::string(bytes - begin.size() - 1, ' ') + "}"; };
  EXPECT_OK(read_lines(line(limits::kImportLineBytesMax - 1) + "\n", 100'000));
  EXPECT_OK(read_lines(line(limits::kImportLineBytesMax), 100'000));
  EXPECT_CODE(read_lines(line(limits::kImportLineBytesMax + 1) + "\n", 100'000), ErrorCode::kPayloadTooLarge);
  EXPECT_CODE(read_lines(line(limits::kImportLineBytesMax + 1), 10'000'000), ErrorCode::kPayloadTooLarge);
}

TEST_F(ImportRowsTest, tables_are_read_whatever_their_pieces) {
  const std::string fvecs = fvecs_row({0, 1}) + fvecs_row({2, 3});
  for (const std::size_t piece : {1U, 3U, 11U, 1000U}) {
    EXPECT_OK(read_bytes(fvecs, piece));
    EXPECT_EQ(seen_, "5 0 1;6 2 3;") << piece;
    EXPECT_OK(read_bytes(npy(2, 2), piece));
    EXPECT_EQ(seen_, "5 0 1;6 2 3;") << piece;
  }
  EXPECT_OK(read_bytes(""));
}

TEST_F(ImportRowsTest, faults_of_tables_name_the_row) {
  const auto fault = [&](const std::string& text) { return read_bytes(text).message(); };
  EXPECT_NE(fault(fvecs_row({0, 1}) + "abc").find("row 2: the body ends inside"), std::string::npos);
  EXPECT_NE(fault(fvecs_row({0, 1}) + fvecs_row({0})).find("row 2: "), std::string::npos);
  EXPECT_NE(fault(std::string("\0\0", 2)).find("first header"), std::string::npos);
  EXPECT_NE(fault(bytes_of(std::int32_t{-1})).find("-1 numbers"), std::string::npos);
  EXPECT_NE(fault(npy(2, 2) + std::string(8, 'x')).find("row 3: comes behind the last row"), std::string::npos);
  const std::string two = npy(2, 2);
  EXPECT_NE(fault(two.substr(0, two.size() - 8)).find("ends behind row 1"), std::string::npos);
  EXPECT_NE(fault(two.substr(0, 20)).find("first header"), std::string::npos);
}

TEST_F(ImportRowsTest, ids_end_where_numbers_do) {
  const std::string fvecs = fvecs_row({0}) + fvecs_row({1});
  EXPECT_OK(read(*read_binary_rows(~std::uint64_t{0} - 1, take()), fvecs, 100));
  EXPECT_NE(read(*read_binary_rows(~std::uint64_t{0}, take()), fvecs, 100).message().find("row 2: "),
            std::string::npos);
}

}  // namespace
}  // namespace vibrato::api
