// The header of a log segment and the state file of a log.
#include <gtest/gtest.h>
#include <vector>

#include "base/crc32c.hpp"
#include "format/little_endian.hpp"
#include "format/log_segment_header.hpp"
#include "format/log_state.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

LogSegmentHeader second_segment() {
  LogSegmentHeader header;
  header.store_id.fill(std::byte{9});
  header.first_lsn = Lsn(100);
  header.previous_first_lsn = Lsn(1);
  header.previous_end_bytes = 4096;
  header.previous_last_lsn = Lsn(90);
  header.previous_last_time_ms = 1234;
  header.previous_chain = 0xdeadbeef;
  return header;
}

TEST(LogSegmentHeader, reads_back_and_finds_every_flipped_bit) {
  const LogSegmentHeader header = second_segment();
  auto bytes = encode_log_segment_header(header);
  const auto decoded = decode_log_segment_header(bytes);
  ASSERT_OK(decoded);
  EXPECT_EQ(*decoded, header);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_CODE(decode_log_segment_header(bytes), ErrorCode::kCorruption) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  EXPECT_CODE(decode_log_segment_header(std::span(bytes).first(127)), ErrorCode::kCorruption);
}

TEST(LogSegmentHeader, refuses_fields_that_contradict_each_other) {
  const auto refused = [](auto change) {
    LogSegmentHeader header = second_segment();
    change(header);
    return decode_log_segment_header(encode_log_segment_header(header)).status().code() == ErrorCode::kCorruption;
  };
  EXPECT_FALSE(refused([](LogSegmentHeader&) {}));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.first_lsn = Lsn(0); }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.first_lsn = Lsn(kLogLsnMax + 1); }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.first_lsn = Lsn(90); }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.previous_first_lsn = Lsn(0); }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.previous_first_lsn = Lsn(91); }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.previous_end_bytes = 128; }));
  EXPECT_TRUE(refused([](LogSegmentHeader& header) { header.previous_end_bytes = 4097; }));
}

TEST(LogSegmentHeader, names_a_version_it_does_not_know) {
  auto bytes = encode_log_segment_header(second_segment());
  store_le<std::uint32_t>(bytes, 8, 2);
  store_le<std::uint32_t>(bytes, 124, crc32c(std::span(bytes).first(124)));
  EXPECT_CODE(decode_log_segment_header(bytes), ErrorCode::kInvalidArgument);
}

TEST(LogSegmentHeader, starts_a_chain_that_depends_on_all_of_it_and_on_every_frame) {
  LogSegmentHeader other = second_segment();
  other.previous_chain ^= 1;
  EXPECT_NE(log_chain_start(second_segment()), log_chain_start(other));
  EXPECT_NE(log_chain_extend(1, 5), log_chain_extend(1, 6));
  EXPECT_NE(log_chain_extend(1, 5), log_chain_extend(2, 5));
}

LogState closed_state() {
  LogState state;
  state.store_id.fill(std::byte{3});
  state.high_water = Lsn(500);
  state.newest_segment = Lsn(100);
  state.clean = true;
  state.end_bytes = 1024;
  state.last_lsn = Lsn(499);
  state.chain = 7;
  return state;
}

TEST(LogState, reads_back_and_finds_every_flipped_bit) {
  auto bytes = encode_log_state(closed_state());
  const auto decoded = decode_log_state(bytes);
  ASSERT_OK(decoded);
  EXPECT_EQ(*decoded, closed_state());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_CODE(decode_log_state(bytes), ErrorCode::kCorruption) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_CODE(decode_log_state(longer), ErrorCode::kCorruption);
  EXPECT_CODE(decode_log_state(std::span(bytes).first(79)), ErrorCode::kCorruption);
}

TEST(LogState, refuses_fields_that_contradict_each_other) {
  const auto refused = [](auto change) {
    LogState state = closed_state();
    change(state);
    return decode_log_state(encode_log_state(state)).status().code() == ErrorCode::kCorruption;
  };
  EXPECT_FALSE(refused([](LogState&) {}));
  EXPECT_TRUE(refused([](LogState& state) { state.clean = false; }));
  EXPECT_TRUE(refused([](LogState& state) { state.end_bytes = 1025; }));
  EXPECT_TRUE(refused([](LogState& state) { state.end_bytes = 120; }));
  EXPECT_TRUE(refused([](LogState& state) { state.newest_segment = Lsn(0); }));
  EXPECT_TRUE(refused([](LogState& state) { state.last_lsn = Lsn(501); }));
  EXPECT_TRUE(refused([](LogState& state) { state.high_water = Lsn(kLogLsnMax + 1); }));
}

}  // namespace
}  // namespace vibrato::format
