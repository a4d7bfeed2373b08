#include "format/doc_records.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

constexpr std::string_view kDoc = R"({"stars":5})";

TEST(DocRecords, give_back_what_was_put) {
  const auto put_body = encode_doc_put({"notes", "n\xc3\xa4", kDoc});
  const auto put = decode_doc_put(put_body);
  ASSERT_OK(put);
  EXPECT_EQ(put->collection, "notes");
  EXPECT_EQ(put->id, "n\xc3\xa4");
  EXPECT_EQ(put->doc_json, kDoc);
  const auto deleted_body = encode_doc_deleted({"notes", "n1"});
  const auto deleted = decode_doc_deleted(deleted_body);
  ASSERT_OK(deleted);
  EXPECT_EQ(deleted->collection, "notes");
  EXPECT_EQ(deleted->id, "n1");
}

TEST(DocRecords, are_as_long_as_they_say) {
  std::vector<std::byte> put = encode_doc_put({"notes", "n1", kDoc});
  for (std::size_t size = 0; size < put.size(); ++size) {
    EXPECT_CODE(decode_doc_put(std::span(put).first(size)), ErrorCode::kCorruption) << size;
  }
  put.push_back(std::byte{0});
  EXPECT_CODE(decode_doc_put(put), ErrorCode::kCorruption);
  std::vector<std::byte> deleted = encode_doc_deleted({"notes", "n1"});
  for (std::size_t size = 0; size < deleted.size(); ++size) {
    EXPECT_CODE(decode_doc_deleted(std::span(deleted).first(size)), ErrorCode::kCorruption) << size;
  }
  deleted.push_back(std::byte{0});
  EXPECT_CODE(decode_doc_deleted(deleted), ErrorCode::kCorruption);
}

TEST(DocRecords, a_put_is_no_delete_and_the_other_way_round) {
  EXPECT_CODE(decode_doc_deleted(encode_doc_put({"notes", "n1", "1"})), ErrorCode::kCorruption);
  EXPECT_CODE(decode_doc_put(encode_doc_deleted({"notes", "n1"})), ErrorCode::kCorruption);
}

TEST(DocRecords, a_field_with_no_meaning_is_corruption) {
  const auto refused = [](std::size_t offset, std::uint8_t value) {
    std::vector<std::byte> body = encode_doc_put({"notes", "n1", kDoc});
    body.at(offset) = std::byte{value};
    return decode_doc_put(body);
  };
  EXPECT_CODE(refused(0, 2), ErrorCode::kCorruption);
  EXPECT_CODE(refused(1, 0), ErrorCode::kCorruption);
  EXPECT_CODE(refused(1, limits::kCollectionNameBytesMax + 1), ErrorCode::kCorruption);
  EXPECT_CODE(refused(2, 0), ErrorCode::kCorruption);
  EXPECT_CODE(refused(4, 0), ErrorCode::kCorruption);
  EXPECT_CODE(refused(7, 1), ErrorCode::kCorruption);
  EXPECT_CODE(refused(9, 0), ErrorCode::kCorruption);   // In the name.
  EXPECT_CODE(refused(14, 0), ErrorCode::kCorruption);  // In the id.
}

TEST(DocRecords, take_the_longest_parts_and_no_longer_ones) {
  const std::string name(limits::kCollectionNameBytesMax, 'c');
  const std::string id(limits::kDocumentIdBytesMax, 'i');
  const std::string doc(limits::kStateValueBytesMax, '7');
  EXPECT_OK(decode_doc_put(encode_doc_put({name, id, doc})));
  EXPECT_CODE(decode_doc_put(encode_doc_put({name + "c", id, doc})), ErrorCode::kCorruption);
  EXPECT_CODE(decode_doc_put(encode_doc_put({name, id + "i", doc})), ErrorCode::kCorruption);
  EXPECT_CODE(decode_doc_put(encode_doc_put({name, id, doc + "7"})), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
