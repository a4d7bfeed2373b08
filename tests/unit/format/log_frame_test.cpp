#include "format/log_frame.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "format/little_endian.hpp"
#include "support/file_contents.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint64_t kOffset = 128;
constexpr std::uint32_t kSalt = 77;

LogFrame record(std::string_view body) {
  LogFrame frame;
  frame.lsn = Lsn(5);
  frame.time_ms = -3;
  frame.collection = CollectionNumber(0xffffffff);
  frame.type = 0xabcd;
  frame.last_of_group = true;
  frame.body = test::bytes_of(body);
  return frame;
}

std::vector<std::byte> encoded(const LogFrame& frame) {
  std::vector<std::byte> bytes;
  append_log_frame(bytes, kOffset, kSalt, frame);
  return bytes;
}

// With a checksum that fits, for what lies behind it.
void seal(std::vector<std::byte>& bytes) {
  std::array<std::byte, 8> place{};
  store_le<std::uint64_t>(place, 0, kOffset);
  const std::span<const std::byte> all(bytes);
  const std::uint32_t crc = crc32c_extend(crc32c_extend(kSalt, place), all.first(4));
  store_le<std::uint32_t>(bytes, 4, crc32c_extend(crc, all.subspan(8)));
}

TEST(LogFrame, records_of_every_length_read_back) {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string body(length, 'b');
    const auto bytes = encoded(record(body));
    EXPECT_EQ(bytes.size(), log_frame_bytes(length));
    EXPECT_EQ(bytes.size() % kLogFrameAlignment, 0U);
    const auto frame = decode_log_frame(bytes, kOffset, kSalt);
    ASSERT_OK(frame);
    EXPECT_EQ(frame->kind, LogFrameKind::kRecord);
    EXPECT_EQ(frame->lsn, Lsn(5));
    EXPECT_EQ(frame->time_ms, -3);
    EXPECT_EQ(frame->collection, CollectionNumber(0xffffffff));
    EXPECT_EQ(frame->type, 0xabcd);
    EXPECT_TRUE(frame->last_of_group);
    EXPECT_EQ(test::text_of(frame->body), body);
  }
}

TEST(LogFrame, is_valid_in_its_own_place_only) {
  const auto bytes = encoded(record("body"));
  EXPECT_OK(decode_log_frame(bytes, kOffset, kSalt));
  EXPECT_CODE(decode_log_frame(bytes, kOffset + 8, kSalt), ErrorCode::kCorruption);
  EXPECT_CODE(decode_log_frame(bytes, kOffset, kSalt + 1), ErrorCode::kCorruption);
  StoreId other{};
  other[15] = std::byte{1};
  EXPECT_NE(log_salt(StoreId{}, Lsn(1)), log_salt(other, Lsn(1)));
  EXPECT_NE(log_salt(StoreId{}, Lsn(1)), log_salt(StoreId{}, Lsn(2)));
}

TEST(LogFrame, no_flipped_bit_and_no_cut_goes_unnoticed) {
  const auto whole = encoded(record("some body"));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_CODE(decode_log_frame(bytes, kOffset, kSalt), ErrorCode::kCorruption) << bit;
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_CODE(decode_log_frame(std::span(whole).first(size), kOffset, kSalt), ErrorCode::kCorruption) << size;
  }
}

TEST(LogFrame, zeros_are_no_frame) {
  EXPECT_CODE(decode_log_frame(std::vector<std::byte>(64), kOffset, 0), ErrorCode::kCorruption);
}

TEST(LogFrame, refuses_fields_out_of_range_whatever_the_checksum_says) {
  struct Case {
    std::size_t offset;
    std::uint8_t value;
  };
  // LSN 0, an LSN above the largest, flags, kind, padding.
  for (const auto& [offset, value] : {Case{8, 0}, Case{15, 0x41}, Case{30, 2}, Case{31, 3}, Case{39, 1}}) {
    auto bytes = encoded(record("body"));
    store_le(std::span<std::byte>(bytes), offset, value);
    seal(bytes);
    EXPECT_CODE(decode_log_frame(bytes, kOffset, kSalt), ErrorCode::kCorruption) << offset;
  }
}

TEST(LogFrame, a_length_above_the_largest_is_refused_before_anything_is_read) {
  auto bytes = encoded(record("body"));
  store_le<std::uint32_t>(bytes, 0, kLogBodyBytesMax);
  EXPECT_OK(peek_log_frame_bytes(bytes, kOffset));
  store_le<std::uint32_t>(bytes, 0, kLogBodyBytesMax + 1);
  EXPECT_CODE(peek_log_frame_bytes(bytes, kOffset), ErrorCode::kCorruption);
}

TEST(LogFrame, a_sync_group_names_a_durable_end_before_itself) {
  LogFrame frame;
  frame.kind = LogFrameKind::kSyncGroup;
  frame.lsn = Lsn(9);
  std::vector<std::byte> bytes;
  for (const std::uint64_t end : {std::uint64_t{128}, std::uint64_t{256}}) {
    frame.durable_end_bytes = end;
    bytes.clear();
    append_log_frame(bytes, 256, kSalt, frame);
    EXPECT_EQ(bytes.size(), kLogSyncGroupBytes);
    const auto decoded = decode_log_frame(bytes, 256, kSalt);
    ASSERT_OK(decoded);
    EXPECT_EQ(decoded->kind, LogFrameKind::kSyncGroup);
    EXPECT_EQ(decoded->durable_end_bytes, end);
  }
  for (const std::uint64_t end : {std::uint64_t{0}, std::uint64_t{120}, std::uint64_t{129}, std::uint64_t{264}}) {
    frame.durable_end_bytes = end;
    bytes.clear();
    append_log_frame(bytes, 256, kSalt, frame);
    EXPECT_CODE(decode_log_frame(bytes, 256, kSalt), ErrorCode::kCorruption) << end;
  }
}

}  // namespace
}  // namespace vibrato::format
