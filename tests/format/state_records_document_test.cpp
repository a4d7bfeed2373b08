// docs/formats/records.md against the code, state: the examples are decoded, and written again byte for byte.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "format/hex_dump.hpp"
#include "format/state_records.hpp"
#include "support/source_dir.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

// The example below the heading.
std::vector<std::byte> state_example(const std::string& heading) {
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

TEST(StateRecordsDocument, example_of_a_put) {
  const auto body = state_example("State put");
  const auto put = decode_state_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->key, "lock/a");
  EXPECT_EQ(put->value_json, R"({"owner":7})");
  EXPECT_EQ(put->expires_at_ms, 1'700'000'060'000);
  EXPECT_EQ(test::hex_dump(encode_state_put(*put)), test::hex_dump(body));
}

TEST(StateRecordsDocument, example_of_a_delete) {
  const auto body = state_example("State deleted");
  const auto deleted = decode_state_deleted(body);
  ASSERT_OK(deleted);
  EXPECT_EQ(deleted->key, "lock/a");
  EXPECT_EQ(deleted->reason, StateDeleteReason::kTtl);
  EXPECT_EQ(test::hex_dump(encode_state_deleted(*deleted)), test::hex_dump(body));
}

}  // namespace
}  // namespace vibrato::format
