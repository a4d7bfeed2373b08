// docs/formats/records.md against the code, documents: the examples are decoded, and written again byte for byte.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "format/doc_records.hpp"
#include "format/hex_dump.hpp"
#include "support/source_dir.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

// The example below the heading.
std::vector<std::byte> documented_body(const std::string& heading) {
  std::ifstream in(test::source_dir() + "/docs/formats/records.md");
  std::stringstream stream;
  stream << in.rdbuf();
  const std::string text = stream.str();
  constexpr std::string_view kFence = "```hexdump\n";
  const std::size_t section = text.find("\n## " + heading + "\n");
  EXPECT_NE(section, std::string::npos);
  const std::size_t begin = text.find(kFence, section) + kFence.size();
  const auto bytes = test::parse_hex_dump(text.substr(begin, text.find("```", begin) - begin));
  EXPECT_TRUE(bytes.has_value());
  return bytes.value_or(std::vector<std::byte>());
}

TEST(DocRecordsDocument, example_of_a_put) {
  const auto body = documented_body("Document put");
  const auto put = decode_doc_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->collection, "notes");
  EXPECT_EQ(put->id, "n1");
  EXPECT_EQ(put->doc_json, R"({"stars":5})");
  EXPECT_EQ(test::hex_dump(encode_doc_put(*put)), test::hex_dump(body));
}

TEST(DocRecordsDocument, example_of_a_delete) {
  const auto body = documented_body("Document deleted");
  const auto deleted = decode_doc_deleted(body);
  ASSERT_OK(deleted);
  EXPECT_EQ(deleted->collection, "notes");
  EXPECT_EQ(deleted->id, "n1");
  EXPECT_EQ(test::hex_dump(encode_doc_deleted(*deleted)), test::hex_dump(body));
}

}  // namespace
}  // namespace vibrato::format
