// ByteReader and ByteWriter: what one writes the other reads, in a fixed byte order and never past the end.
#include "base/byte_cursor.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

TEST(ByteCursor, numbers_are_stored_lowest_byte_first) {
  std::vector<std::byte> out;
  ByteWriter writer(out);
  writer.write_u8(0x01);
  writer.write_u16(0x0203);
  writer.write_u32(0x04050607);
  writer.write_u64(0x08090a0b0c0d0e0f);
  writer.write_f32(1.0F);
  EXPECT_EQ(out, bytes_of({0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08,
                           0x00, 0x00, 0x80, 0x3f}));
}

TEST(ByteCursor, a_reader_gives_back_what_a_writer_wrote) {
  std::vector<std::byte> out;
  ByteWriter writer(out);
  writer.write_u8(0xfe);
  writer.write_u16(0xfedc);
  writer.write_u32(0xfedcba98);
  writer.write_u64(0xfedcba9876543210);
  writer.write_f32(-0.0F);
  writer.write_text("vector");
  writer.write_bytes(bytes_of({1, 2}));

  ByteReader reader(out);
  EXPECT_EQ(reader.read_u8().value(), 0xfe);
  EXPECT_EQ(reader.read_u16().value(), 0xfedc);
  EXPECT_EQ(reader.read_u32().value(), 0xfedcba98);
  EXPECT_EQ(reader.read_u64().value(), 0xfedcba9876543210);
  EXPECT_TRUE(std::signbit(reader.read_f32().value()));
  EXPECT_EQ(reader.read_text(6).value(), "vector");
  EXPECT_EQ(reader.remaining(), 2U);
  EXPECT_EQ(reader.read_bytes(2).value()[1], std::byte{2});
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteCursor, a_read_past_the_end_is_corruption_names_the_offset_and_moves_nothing) {
  const auto bytes = bytes_of({1, 2, 3});
  ByteReader reader(bytes, 4096);
  ASSERT_OK(reader.skip(1));
  const auto failed = reader.read_u32();
  EXPECT_CODE(failed, ErrorCode::kCorruption);
  EXPECT_EQ(failed.status().message(), "expected 4 bytes at offset 4097, found 2");
  EXPECT_EQ(reader.offset(), 1U);
  EXPECT_EQ(reader.file_offset(), 4097U);
  EXPECT_EQ(reader.read_u16().value(), 0x0302);
  EXPECT_CODE(reader.read_u8(), ErrorCode::kCorruption);
}

TEST(ByteCursor, every_read_of_an_empty_span_fails) {
  ByteReader reader({});
  EXPECT_CODE(reader.read_u8(), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_u16(), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_u32(), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_u64(), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_f32(), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_bytes(1), ErrorCode::kCorruption);
  EXPECT_CODE(reader.skip(1), ErrorCode::kCorruption);
  EXPECT_OK(reader.read_bytes(0));
}

TEST(ByteCursor, huge_counts_do_not_wrap_around) {
  const auto bytes = bytes_of({1, 2, 3});
  ByteReader reader(bytes);
  ASSERT_OK(reader.skip(2));
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_CODE(reader.read_bytes(huge), ErrorCode::kCorruption);
  EXPECT_CODE(reader.read_bytes(huge - 1), ErrorCode::kCorruption);
  EXPECT_CODE(reader.skip(huge), ErrorCode::kCorruption);
  EXPECT_CODE(reader.seek(huge), ErrorCode::kCorruption);
  EXPECT_EQ(reader.offset(), 2U);
}

TEST(ByteCursor, seek_reaches_the_end_and_not_past_it) {
  const auto bytes = bytes_of({1, 2, 3});
  ByteReader reader(bytes);
  EXPECT_OK(reader.seek(3));
  EXPECT_TRUE(reader.at_end());
  EXPECT_CODE(reader.seek(4), ErrorCode::kCorruption);
  EXPECT_OK(reader.seek(0));
  EXPECT_EQ(reader.read_u8().value(), 1);
}

TEST(ByteCursor, padding_fills_up_to_the_alignment_and_patching_overwrites) {
  std::vector<std::byte> out;
  ByteWriter writer(out);
  writer.write_u32(0);
  writer.pad_to(4);
  EXPECT_EQ(writer.size(), 4U);
  writer.write_u8(7);
  writer.pad_to(64);
  EXPECT_EQ(writer.size(), 64U);
  EXPECT_EQ(out[5], std::byte{0});
  writer.patch_u32(0, 0x01020304);
  EXPECT_EQ(out[0], std::byte{4});
  EXPECT_EQ(out[3], std::byte{1});
  EXPECT_EQ(out[4], std::byte{7});
}

TEST(ByteCursorDeathTest, a_patch_outside_the_bytes_is_a_broken_invariant) {
  std::vector<std::byte> out(3);
  EXPECT_DEATH(ByteWriter(out).patch_u32(0, 1), "broken invariant");
  out.resize(6);
  EXPECT_DEATH(ByteWriter(out).patch_u32(3, 1), "broken invariant");
}

}  // namespace
}  // namespace vibrato
