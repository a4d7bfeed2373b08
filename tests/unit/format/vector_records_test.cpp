#include "format/vector_records.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/file_contents.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

constexpr std::array<float, 3> kVector = {1.0F, -2.5F, 0.0F};

PointPut put_of(const PointIdView& id, std::string_view meta = {}) {
  return {PutOrigin::kAdded, id, std::as_bytes(std::span(kVector)), meta};
}

PointIdView text_id(std::string_view text) {
  return {true, 0, text};
}
PointIdView number_id(std::uint64_t number) {
  return {false, number, {}};
}

// The byte at `offset` is another one: no record any more.
template <typename Decode>
void expect_refused(std::vector<std::byte> body, std::size_t offset, std::uint8_t value, const Decode& decode) {
  ASSERT_LT(offset, body.size());
  body[offset] = std::byte{value};
  const auto decoded = decode(body);
  EXPECT_CODE(decoded, ErrorCode::kCorruption) << "offset " << offset << " value " << int{value};
}

// No prefix of the record is one, nor is the record with a byte behind it.
template <typename Decode>
void expect_exact_length(std::vector<std::byte> body, const Decode& decode) {
  ASSERT_OK(decode(body));
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_CODE(decode(std::span<const std::byte>(body).first(size)), ErrorCode::kCorruption) << size;
  }
  body.push_back(std::byte{0});
  EXPECT_CODE(decode(body), ErrorCode::kCorruption);
}

TEST(VectorRecords, a_put_gives_back_what_was_put) {
  for (const PointIdView& id : {text_id("track/1"), number_id(0), number_id(UINT64_MAX), text_id("7")}) {
    for (const std::string_view meta : {"", R"({"a":1})"}) {
      const auto body = encode_point_put(put_of(id, meta));
      const auto put = decode_point_put(body);
      ASSERT_OK(put);
      EXPECT_EQ(put->origin, PutOrigin::kAdded);
      EXPECT_EQ(put->id, id);
      EXPECT_EQ(put->meta_json, meta);
      EXPECT_TRUE(std::ranges::equal(put->vector, std::as_bytes(std::span(kVector))));
      EXPECT_EQ(put->vector.data(), body.data() + 16);  // Borrowed, where a float may lie.
    }
  }
}

TEST(VectorRecords, a_delete_and_a_creation_give_back_what_was_put) {
  for (const PointIdView& id : {text_id("track/1"), number_id(7), text_id("7")}) {
    const auto body = encode_point_deleted(id);
    const auto decoded = decode_point_deleted(body);
    ASSERT_OK(decoded);
    EXPECT_EQ(*decoded, id);
  }
  const auto body = encode_collection_created({"tracks", R"({"dim":3})"});
  const auto created = decode_collection_created(body);
  ASSERT_OK(created);
  EXPECT_EQ(created->name, "tracks");
  EXPECT_EQ(created->settings, R"({"dim":3})");
}

TEST(VectorRecords, are_as_long_as_they_say) {
  expect_exact_length(encode_point_put(put_of(text_id("ab"), "{}")), decode_point_put);
  expect_exact_length(encode_point_put(put_of(number_id(5))), decode_point_put);
  expect_exact_length(encode_point_deleted(text_id("ab")), decode_point_deleted);
  expect_exact_length(encode_point_deleted(number_id(5)), decode_point_deleted);
  expect_exact_length(encode_collection_created({"a", "{}"}), decode_collection_created);
}

TEST(VectorRecords, a_field_with_no_meaning_is_corruption) {
  const auto put = encode_point_put(put_of(number_id(5)));
  expect_refused(put, 0, 2, decode_point_put);  // Version.
  expect_refused(put, 1, 0, decode_point_put);  // Origin.
  expect_refused(put, 1, 4, decode_point_put);
  expect_refused(put, 2, 2, decode_point_put);  // Kind of the id.
  expect_refused(put, 3, 1, decode_point_put);  // Reserved.
  expect_refused(put, 4, 0, decode_point_put);  // Dimensions.
  expect_refused(put, 7, 0xff, decode_point_put);
  expect_refused(put, 8, 7, decode_point_put);      // Length of a number.
  expect_refused(put, 10, 1, decode_point_put);     // Reserved.
  expect_refused(put, 15, 0xff, decode_point_put);  // Meta.
  const auto deleted = encode_point_deleted(text_id("a"));
  expect_refused(deleted, 0, 0, decode_point_deleted);
  expect_refused(deleted, 1, 9, decode_point_deleted);
  expect_refused(deleted, 2, 0, decode_point_deleted);
  expect_refused(deleted, 7, 1, decode_point_deleted);
  const auto created = encode_collection_created({"a", "{}"});
  expect_refused(created, 0, 9, decode_collection_created);
  expect_refused(created, 1, 0, decode_collection_created);
  expect_refused(created, 1, limits::kCollectionNameBytesMax + 1, decode_collection_created);
  expect_refused(created, 3, 1, decode_collection_created);
  expect_refused(created, 7, 0xff, decode_collection_created);
}

TEST(VectorRecords, take_the_longest_id_name_meta_and_vector_and_no_longer_ones) {
  const std::string id(limits::kPointIdBytesMax, 'i');
  EXPECT_OK(decode_point_deleted(encode_point_deleted(text_id(id))));
  EXPECT_CODE(decode_point_deleted(encode_point_deleted(text_id(id + "i"))), ErrorCode::kCorruption);
  EXPECT_OK(decode_point_put(encode_point_put(put_of(text_id(id)))));
  EXPECT_CODE(decode_point_put(encode_point_put(put_of(text_id(id + "i")))), ErrorCode::kCorruption);
  const std::string meta(limits::kMetaBytesMax, '1');
  EXPECT_OK(decode_point_put(encode_point_put(put_of(number_id(1), meta))));
  EXPECT_CODE(decode_point_put(encode_point_put(put_of(number_id(1), meta + "1"))), ErrorCode::kCorruption);
  const std::vector<std::byte> vector((limits::kDimMax + 1) * sizeof(float));
  PointPut put = put_of(number_id(1));
  put.vector = std::span(vector).first(limits::kDimMax * sizeof(float));
  EXPECT_OK(decode_point_put(encode_point_put(put)));
  put.vector = vector;
  EXPECT_CODE(decode_point_put(encode_point_put(put)), ErrorCode::kCorruption);
  const std::string name(limits::kCollectionNameBytesMax, 'n');
  EXPECT_OK(decode_collection_created(encode_collection_created({name, "{}"})));
  EXPECT_CODE(decode_collection_created(encode_collection_created({name + "n", "{}"})), ErrorCode::kCorruption);
}

TEST(VectorRecords, a_put_gets_another_number_in_place) {
  const std::vector<float> numbers = {1, 2, 3};
  const PointPut put = {PutOrigin::kAdded, PointIdView{.number = 0}, std::as_bytes(std::span(numbers)), R"({"a":1})"};
  auto body = encode_point_put(put);
  set_put_number(body, numbers.size() * sizeof(float), 0x0123456789ABCDEFU);
  const auto decoded = decode_point_put(body);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(decoded->id, (PointIdView{.number = 0x0123456789ABCDEFU}));
  EXPECT_EQ(decoded->meta_json, put.meta_json);
  EXPECT_TRUE(std::ranges::equal(decoded->vector, put.vector));
}

}  // namespace
}  // namespace vibrato::format
