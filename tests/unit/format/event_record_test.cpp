#include "format/event_record.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

TEST(EventRecord, what_was_written_is_read) {
  const auto body = encode_user_event({"song.played", R"({"id":7})"});
  const auto event = decode_user_event(body);
  ASSERT_OK(event);
  EXPECT_EQ(event->type, "song.played");
  EXPECT_EQ(event->data, R"({"id":7})");
}

TEST(EventRecord, lengths_at_their_bounds) {
  const auto decode = [](std::size_t type_bytes, std::size_t data_bytes) {
    return decode_user_event(encode_user_event({std::string(type_bytes, 'a'), std::string(data_bytes, '1')})).status();
  };
  EXPECT_CODE(decode(0, 1), ErrorCode::kCorruption);
  EXPECT_OK(decode(1, 1));
  EXPECT_OK(decode(limits::kEventTypeBytesMax, 1));
  EXPECT_CODE(decode(limits::kEventTypeBytesMax + 1, 1), ErrorCode::kCorruption);
  EXPECT_CODE(decode(1, 0), ErrorCode::kCorruption);
  EXPECT_OK(decode(1, limits::kStateValueBytesMax));
  EXPECT_CODE(decode(1, limits::kStateValueBytesMax + 1), ErrorCode::kCorruption);
}

TEST(EventRecord, every_cut_and_every_other_header_byte_is_corruption_or_another_record) {
  const auto body = encode_user_event({"x", "[1]"});
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_CODE(decode_user_event(std::span(body).first(size)).status(), ErrorCode::kCorruption) << size;
  }
  for (std::size_t at = 0; at < 8; ++at) {
    auto changed = body;
    changed[at] ^= std::byte{0x01};
    EXPECT_CODE(decode_user_event(changed).status(), ErrorCode::kCorruption) << at;
  }
  auto longer = body;
  longer.push_back(std::byte{0});
  EXPECT_CODE(decode_user_event(longer).status(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
