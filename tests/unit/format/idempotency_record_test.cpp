#include "format/idempotency_record.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

IdempotencyRecord made_record() {
  IdempotencyRecord record;
  record.scope = "vbk_1234";
  record.key = "order-7";
  record.fingerprint.fill(std::byte{0x5a});
  record.status = 201;
  record.answer = R"({"ok":true,"lsn":7})";
  return record;
}

TEST(IdempotencyRecord, gives_back_what_was_put) {
  const auto body = encode_idempotency_record(made_record());
  const auto record = decode_idempotency_record(body);
  ASSERT_OK(record);
  EXPECT_EQ(record->scope, made_record().scope);
  EXPECT_EQ(record->key, made_record().key);
  EXPECT_EQ(record->fingerprint, made_record().fingerprint);
  EXPECT_EQ(record->status, 201);
  EXPECT_EQ(record->answer, made_record().answer);
}

TEST(IdempotencyRecord, is_as_long_as_it_says) {
  std::vector<std::byte> body = encode_idempotency_record(made_record());
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_CODE(decode_idempotency_record(std::span(body).first(size)), ErrorCode::kCorruption) << size;
  }
  body.push_back(std::byte{0});
  EXPECT_CODE(decode_idempotency_record(body), ErrorCode::kCorruption);
}

TEST(IdempotencyRecord, a_field_with_no_meaning_is_corruption) {
  const auto refused = [](std::size_t offset, std::uint8_t value) {
    std::vector<std::byte> body = encode_idempotency_record(made_record());
    body.at(offset) = std::byte{value};
    return decode_idempotency_record(body);
  };
  EXPECT_CODE(refused(0, 2), ErrorCode::kCorruption);
  EXPECT_CODE(refused(1, limits::kIdempotencyScopeBytesMax + 1), ErrorCode::kCorruption);
  EXPECT_CODE(refused(2, 0), ErrorCode::kCorruption);
  EXPECT_CODE(refused(7, 0xff), ErrorCode::kCorruption);
  EXPECT_CODE(refused(8, 99), ErrorCode::kCorruption);
  EXPECT_CODE(refused(9, 3), ErrorCode::kCorruption);
  EXPECT_CODE(refused(10, 1), ErrorCode::kCorruption);
  EXPECT_CODE(refused(15, 1), ErrorCode::kCorruption);
}

TEST(IdempotencyRecord, takes_the_longest_parts_and_no_longer_ones) {
  IdempotencyRecord record = made_record();
  const std::string scope(limits::kIdempotencyScopeBytesMax, 's');
  const std::string key(limits::kIdempotencyKeyBytesMax, 'k');
  const std::string answer(limits::kIdempotencyAnswerBytesMax, 'a');
  record.scope = scope;
  record.key = key;
  record.answer = answer;
  EXPECT_OK(decode_idempotency_record(encode_idempotency_record(record)));
  const std::string longer_key = key + "k";
  record.key = longer_key;
  EXPECT_CODE(decode_idempotency_record(encode_idempotency_record(record)), ErrorCode::kCorruption);
  const std::string longer_answer = answer + "a";
  record.key = key;
  record.answer = longer_answer;
  EXPECT_CODE(decode_idempotency_record(encode_idempotency_record(record)), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
