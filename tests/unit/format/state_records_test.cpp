#include "format/state_records.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

std::vector<std::byte> put_body() {
  return encode_state_put({.key = "key", .value_json = "[1]", .expires_at_ms = 1000});
}

TEST(StateRecords, give_back_what_was_put) {
  auto body = encode_state_put({.key = "k\xc3\xa4", .value_json = "null", .expires_at_ms = std::nullopt});
  auto put = decode_state_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->key, "k\xc3\xa4");
  EXPECT_EQ(put->value_json, "null");
  EXPECT_EQ(put->expires_at_ms, std::nullopt);
  set_state_expiry(body, 77);
  put = decode_state_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->expires_at_ms, 77);
  EXPECT_EQ(put->value_json, "null");
  for (const auto reason : {StateDeleteReason::kExplicit, StateDeleteReason::kTtl}) {
    const auto deleted_body = encode_state_deleted({.key = "k", .reason = reason});
    const auto deleted = decode_state_deleted(deleted_body);
    ASSERT_OK(deleted);
    EXPECT_EQ(deleted->key, "k");
    EXPECT_EQ(deleted->reason, reason);
  }
}

TEST(StateRecords, are_as_long_as_they_say) {
  std::vector<std::byte> put = put_body();
  for (std::size_t size = 0; size < put.size(); ++size) {
    EXPECT_CODE(decode_state_put(std::span(put).first(size)), ErrorCode::kCorruption) << size;
  }
  put.push_back(std::byte{0});
  EXPECT_CODE(decode_state_put(put), ErrorCode::kCorruption);
  std::vector<std::byte> deleted = encode_state_deleted({.key = "key"});
  for (std::size_t size = 0; size < deleted.size(); ++size) {
    EXPECT_CODE(decode_state_deleted(std::span(deleted).first(size)), ErrorCode::kCorruption) << size;
  }
  deleted.push_back(std::byte{0});
  EXPECT_CODE(decode_state_deleted(deleted), ErrorCode::kCorruption);
}

TEST(StateRecords, a_field_with_no_meaning_is_corruption) {
  const auto put_with = [](std::size_t offset, std::uint8_t value) {
    std::vector<std::byte> body = put_body();
    body.at(offset) = std::byte{value};
    return decode_state_put(body);
  };
  EXPECT_OK(put_with(8, 7));
  EXPECT_CODE(put_with(0, 2), ErrorCode::kCorruption);
  EXPECT_CODE(put_with(1, 2), ErrorCode::kCorruption);
  EXPECT_CODE(put_with(1, 0), ErrorCode::kCorruption) << "a time, and no flag";
  EXPECT_CODE(put_with(2, 0), ErrorCode::kCorruption);
  EXPECT_CODE(put_with(4, 0), ErrorCode::kCorruption);
  EXPECT_CODE(put_with(15, 0x80), ErrorCode::kCorruption) << "before 1970";
  const auto deleted_with = [](std::size_t offset, std::uint8_t value) {
    std::vector<std::byte> body = encode_state_deleted({.key = "key"});
    body.at(offset) = std::byte{value};
    return decode_state_deleted(body);
  };
  EXPECT_OK(deleted_with(1, 2));
  EXPECT_CODE(deleted_with(0, 0), ErrorCode::kCorruption);
  EXPECT_CODE(deleted_with(1, 0), ErrorCode::kCorruption);
  EXPECT_CODE(deleted_with(1, 3), ErrorCode::kCorruption);
  EXPECT_CODE(deleted_with(2, 0), ErrorCode::kCorruption);
  EXPECT_CODE(deleted_with(5, 1), ErrorCode::kCorruption);
}

TEST(StateRecords, lengths_have_their_limits) {
  const auto put = [](std::size_t key, std::size_t value) {
    return decode_state_put(
        encode_state_put({.key = std::string(key, 'k'), .value_json = std::string(value, '1'), .expires_at_ms = {}}));
  };
  constexpr std::size_t kKey = limits::kStateKeyBytesMax;
  constexpr std::size_t kValue = limits::kStateValueBytesMax;
  EXPECT_OK(put(kKey - 1, 1).status());
  EXPECT_OK(put(kKey, 1).status());
  EXPECT_CODE(put(kKey + 1, 1), ErrorCode::kCorruption);
  EXPECT_OK(put(1, kValue - 1).status());
  EXPECT_OK(put(1, kValue).status());
  EXPECT_CODE(put(1, kValue + 1), ErrorCode::kCorruption);
  EXPECT_OK(decode_state_deleted(encode_state_deleted({.key = std::string(kKey, 'k')})).status());
  EXPECT_CODE(decode_state_deleted(encode_state_deleted({.key = std::string(kKey + 1, 'k')})), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
