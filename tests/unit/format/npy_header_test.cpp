#include "format/npy_header.hpp"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "base/limits.hpp"

namespace vibrato::format {
namespace {

using ::testing::HasSubstr;

std::string npy(std::string dictionary, int major = 1, std::size_t data_bytes = 0) {
  dictionary += '\n';
  std::string file("\x93NUMPY", 6);
  file += static_cast<char>(major);
  file += '\0';
  const std::size_t width = major == 1 ? 2 : 4;
  for (std::size_t i = 0; i < width; ++i) file += static_cast<char>(dictionary.size() >> (8 * i));
  return file + dictionary + std::string(data_bytes, '\0');
}

std::string dictionary(const std::string& descr, const std::string& fortran, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

Result<NpyHeader> parse(const std::string& file) {
  return parse_npy_header(std::as_bytes(std::span(file)), file.size());
}

std::string error_of(const std::string& file) {
  const Result<NpyHeader> header = parse(file);
  if (header.ok()) return "parsed";
  EXPECT_EQ(header.status().code(), ErrorCode::kInvalidArgument);
  return header.status().message();
}

TEST(NpyHeader, all_three_versions_and_types_are_read) {
  for (const int version : {1, 2, 3}) {
    for (const std::size_t width : {2U, 4U, 8U}) {
      const std::string file = npy(dictionary("<f" + std::to_string(width), "False", "(3, 5)"), version, 3 * 5 * width);
      const Result<NpyHeader> header = parse(file);
      ASSERT_TRUE(header.ok()) << header.status().message();
      EXPECT_EQ(header->rows, 3U);
      EXPECT_EQ(header->dim, 5U);
      EXPECT_EQ(header->row_bytes(), 5 * width);
      EXPECT_EQ(header->data_offset, file.size() - 15 * width);
    }
  }
}

TEST(NpyHeader, spacing_quotes_order_and_python_2_longs_do_not_matter) {
  const Result<NpyHeader> header = parse(npy("{\"shape\":(2L,1L),'fortran_order':False,\"descr\":\"<f4\"}   ", 1, 8));
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->rows, 2U);
  EXPECT_EQ(header->dim, 1U);
}

TEST(NpyHeader, no_rows_is_a_valid_array) {
  const Result<NpyHeader> header = parse(npy(dictionary("<f4", "False", "(0, 7)")));
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->rows, 0U);
}

TEST(NpyHeader, other_files_are_told_apart) {
  EXPECT_THAT(error_of(""), HasSubstr("not an .npy file"));
  EXPECT_THAT(error_of("\x93NUMPZ\x01\x00"), HasSubstr("not an .npy file"));
  EXPECT_THAT(error_of(npy("{}", 4)), HasSubstr("version 4 is unknown"));
  EXPECT_THAT(error_of(npy("{}", 0)), HasSubstr("version 0 is unknown"));
}

TEST(NpyHeader, a_header_cut_at_any_byte_is_an_error) {
  for (const int version : {1, 3}) {
    const std::string file = npy(dictionary("<f4", "False", "(2, 2)"), version, 16);
    for (std::size_t length = 0; length < file.size(); ++length) {
      EXPECT_FALSE(parse(file.substr(0, length)).ok()) << length;
    }
    EXPECT_TRUE(parse(file).ok());
  }
}

TEST(NpyHeader, a_length_past_the_limit_is_refused_without_reading_it) {
  std::string file = npy(dictionary("<f4", "False", "(2, 2)"), 2, 16);
  file.replace(8, 4, "\xff\xff\xff\xff");
  EXPECT_THAT(error_of(file), HasSubstr("past the limit"));
}

TEST(NpyHeader, a_shape_that_the_file_cannot_hold_is_refused) {
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(3, 2)"), 1, 16)), HasSubstr("too short"));
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(1, 2)"), 1, 16)), HasSubstr("longer than its shape"));
  EXPECT_THAT(error_of(npy(dictionary("<f8", "False", "(18446744073709551615, 16384)"), 1, 16)),
              HasSubstr("too short"));
  EXPECT_THAT(error_of(npy(dictionary("<f8", "False", "(2305843009213693952, 1)"), 1)), HasSubstr("too short"));
}

TEST(NpyHeader, numbers_past_64_bits_and_negative_ones_are_refused) {
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(99999999999999999999, 2)"))), HasSubstr("tuple of numbers"));
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(-1, 2)"))), HasSubstr("tuple of numbers"));
}

TEST(NpyHeader, the_dim_is_bounded) {
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(1, 0)"))), HasSubstr("a vector has 1 to 16384"));
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(1, 16385)"), 1, 65540)), HasSubstr("a vector has 1 to 16384"));
  EXPECT_TRUE(parse(npy(dictionary("<f4", "False", "(1, 16384)"), 1, 65536)).ok());
  EXPECT_TRUE(parse(npy(dictionary("<f4", "False", "(1, 16383)"), 1, 65532)).ok());
}

TEST(NpyHeader, only_two_dimensions_are_a_table) {
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "()"), 1, 4)), HasSubstr("has 0 dimensions"));
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(4,)"), 1, 16)), HasSubstr("has 1 dimensions"));
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", "(1, 2, 2)"), 1, 16)), HasSubstr("has 3 dimensions"));
  std::string many = "(";
  for (int i = 0; i < 1000; ++i) many += "1, ";
  EXPECT_THAT(error_of(npy(dictionary("<f4", "False", many + ")"))), HasSubstr("tuple of numbers"));
}

TEST(NpyHeader, fortran_order_and_other_types_say_what_to_do) {
  EXPECT_THAT(error_of(npy(dictionary("<f4", "True", "(2, 2)"), 1, 16)), HasSubstr("ascontiguousarray"));
  for (const char* descr : {">f4", "<i4", "|u1", "<c8", "|O", "<f16", ""}) {
    EXPECT_THAT(error_of(npy(dictionary(descr, "False", "(2, 2)"), 1, 16)), HasSubstr("is not supported")) << descr;
  }
  EXPECT_THAT(error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", 1, 4)),
              HasSubstr("structured arrays"));
}

TEST(NpyHeader, bytes_that_are_no_text_never_reach_the_message) {
  const std::string error = error_of(npy(dictionary("\xff\x01\xc3", "False", "(2, 2)"), 3, 16));
  EXPECT_THAT(error, HasSubstr("'\?\?\?' is not supported"));
  EXPECT_THAT(error_of(npy("\xff\xfe{}", 3)), HasSubstr("not a valid .npy header"));
}

TEST(NpyHeader, malformed_dictionaries_are_refused) {
  for (const char* text :
       {"", "{", "{}", "}", "{'descr'}", "{'descr': }", "{'descr': '<f4'", "{'descr': '<f4', 'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1, 1)}", "{'descr': '<f4', 'shape': (1, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1, 1]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)} x",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1, 1)}", "{'descr': '\\x3cf4'}"}) {
    EXPECT_THAT(error_of(npy(text, 1, 4)), HasSubstr("not a valid .npy header")) << text;
  }
}

TEST(NpyHeader, random_damage_is_never_more_than_an_error) {
  constexpr unsigned kSeed = 20240607;
  std::mt19937 random(kSeed);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const std::string whole = npy(dictionary("<f4", "False", "(2, 2)"), 1, 16);
  for (int round = 0; round < 20000; ++round) {
    std::string file = whole;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
      file[random() % file.size()] = static_cast<char>(random());
    if (const Result<NpyHeader> header = parse(file); header.ok()) {
      ASSERT_EQ(header->data_offset + header->rows * header->row_bytes(), file.size());
    }
  }
}

TEST(NpyRow, each_type_converts_to_floats) {
  NpyHeader header{NpyType::kFloat32, 1, 2, 0};
  std::vector<float> out(2);
  const std::vector<float> floats = {1.5F, -0.25F};
  decode_npy_row(header, std::as_bytes(std::span(floats)), out);
  EXPECT_EQ(out, floats);

  header.type = NpyType::kFloat64;
  const std::vector<double> doubles = {0.1, 1e300};
  decode_npy_row(header, std::as_bytes(std::span(doubles)), out);
  EXPECT_EQ(out[0], 0.1F);
  EXPECT_TRUE(std::isinf(out[1]));

  header.type = NpyType::kFloat16;
  const std::vector<std::uint16_t> halves = {0x3c00, 0xb800};
  decode_npy_row(header, std::as_bytes(std::span(halves)), out);
  EXPECT_EQ(out, (std::vector<float>{1.0F, -0.5F}));
}

}  // namespace
}  // namespace vibrato::format
