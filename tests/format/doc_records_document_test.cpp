// docs/formats/records.md against the code, documents: the examples are decoded, and written again byte for byte.
#include <gtest/gtest.h>

#include "format/doc_records.hpp"
#include "format/hex_dump.hpp"
#include "format/records_page.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

TEST(DocRecordsDocument, example_of_a_put) {
  const auto body = test::documented_record("Document put");
  const auto put = decode_doc_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->collection, "notes");
  EXPECT_EQ(put->id, "n1");
  EXPECT_EQ(put->doc_json, R"({"stars":5})");
  EXPECT_EQ(test::hex_dump(encode_doc_put(*put)), test::hex_dump(body));
}

TEST(DocRecordsDocument, example_of_a_delete) {
  const auto body = test::documented_record("Document deleted");
  const auto deleted = decode_doc_deleted(body);
  ASSERT_OK(deleted);
  EXPECT_EQ(deleted->collection, "notes");
  EXPECT_EQ(deleted->id, "n1");
  EXPECT_EQ(test::hex_dump(encode_doc_deleted(*deleted)), test::hex_dump(body));
}

}  // namespace
}  // namespace vibrato::format
