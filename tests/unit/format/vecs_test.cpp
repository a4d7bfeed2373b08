#include "format/vecs.hpp"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/limits.hpp"

namespace vibrato::format {
namespace {

using ::testing::HasSubstr;

template <typename T>
void append_row(std::string& file, std::int32_t length, const std::vector<T>& values) {
  file.append(reinterpret_cast<const char*>(&length), sizeof(length));
  file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

Result<VecsShape> shape_of(VecsKind kind, const std::string& file) {
  return parse_vecs_shape(kind, std::as_bytes(std::span(file)).first(std::min<std::size_t>(file.size(), 4)),
                          file.size());
}

std::span<const std::byte> row_of(const VecsShape& shape, const std::string& file, std::uint64_t row) {
  return std::as_bytes(std::span(file)).subspan(shape.row_offset(row), shape.row_bytes());
}

std::string header_only(std::int32_t length) {
  std::string file;
  append_row<float>(file, length, {});
  return file;
}

TEST(Vecs, rows_of_floats_are_read_by_number) {
  std::string file;
  append_row<float>(file, 3, {1.0F, 2.0F, 3.5F});
  append_row<float>(file, 3, {-4.0F, 5.0F, 6.0F});
  const Result<VecsShape> shape = shape_of(VecsKind::kFvecs, file);
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  EXPECT_EQ(shape->dim, 3U);
  EXPECT_EQ(shape->rows, 2U);
  std::vector<float> out(3);
  ASSERT_TRUE(decode_vecs_row(*shape, row_of(*shape, file, 1), std::span<float>(out)).ok());
  EXPECT_EQ(out, (std::vector<float>{-4.0F, 5.0F, 6.0F}));
}

TEST(Vecs, bytes_become_floats_from_0_to_255) {
  std::string file;
  append_row<std::uint8_t>(file, 2, {0, 255});
  const Result<VecsShape> shape = shape_of(VecsKind::kBvecs, file);
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  EXPECT_EQ(shape->row_bytes(), 6U);
  std::vector<float> out(2);
  ASSERT_TRUE(decode_vecs_row(*shape, row_of(*shape, file, 0), std::span<float>(out)).ok());
  EXPECT_EQ(out, (std::vector<float>{0.0F, 255.0F}));
}

TEST(Vecs, rows_of_integers_keep_their_sign) {
  std::string file;
  append_row<std::int32_t>(file, 2, {-1, 2147483647});
  const Result<VecsShape> shape = shape_of(VecsKind::kIvecs, file);
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  std::vector<std::int32_t> out(2);
  ASSERT_TRUE(decode_vecs_row(*shape, row_of(*shape, file, 0), std::span<std::int32_t>(out)).ok());
  EXPECT_EQ(out, (std::vector<std::int32_t>{-1, 2147483647}));
}

TEST(Vecs, the_dim_is_bounded) {
  for (const std::int32_t length : {0, -1, std::int32_t{-2147483647}, 16385, 2147483647}) {
    const Result<VecsShape> shape = shape_of(VecsKind::kFvecs, header_only(length));
    ASSERT_FALSE(shape.ok()) << length;
    EXPECT_THAT(shape.status().message(), HasSubstr("a row has 1 to 16384")) << length;
  }
  std::string widest;
  append_row(widest, 16384, std::vector<float>(16384));
  EXPECT_TRUE(shape_of(VecsKind::kFvecs, widest).ok());
}

TEST(Vecs, a_file_that_is_no_whole_number_of_rows_is_refused) {
  std::string file;
  append_row<float>(file, 2, {1.0F, 2.0F});
  append_row<float>(file, 2, {1.0F, 2.0F});
  for (std::size_t length = 0; length <= file.size(); ++length) {
    EXPECT_EQ(shape_of(VecsKind::kFvecs, file.substr(0, length)).ok(), length != 0 && length % 12 == 0) << length;
  }
}

TEST(Vecs, a_row_of_another_length_is_refused) {
  std::string file;
  append_row<float>(file, 2, {1.0F, 2.0F});
  append_row<float>(file, 3, {1.0F, 2.0F});
  append_row<float>(file, -2, {1.0F, 2.0F});
  const Result<VecsShape> shape = shape_of(VecsKind::kFvecs, file);
  ASSERT_TRUE(shape.ok());
  std::vector<float> out(2);
  EXPECT_TRUE(decode_vecs_row(*shape, row_of(*shape, file, 0), std::span<float>(out)).ok());
  for (const std::uint64_t row : {1U, 2U}) {
    const Status status = decode_vecs_row(*shape, row_of(*shape, file, row), std::span<float>(out));
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("the first row has 2"));
  }
}

}  // namespace
}  // namespace vibrato::format
