// docs/formats/records.md against the code, state: the examples are decoded, and written again byte for byte.
#include <gtest/gtest.h>

#include "format/hex_dump.hpp"
#include "format/records_page.hpp"
#include "format/state_records.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

TEST(StateRecordsDocument, example_of_a_put) {
  const auto body = test::documented_record("State put");
  const auto put = decode_state_put(body);
  ASSERT_OK(put);
  EXPECT_EQ(put->key, "lock/a");
  EXPECT_EQ(put->value_json, R"({"owner":7})");
  EXPECT_EQ(put->expires_at_ms, 1'700'000'060'000);
  EXPECT_EQ(test::hex_dump(encode_state_put(*put)), test::hex_dump(body));
}

TEST(StateRecordsDocument, example_of_a_delete) {
  const auto body = test::documented_record("State deleted");
  const auto deleted = decode_state_deleted(body);
  ASSERT_OK(deleted);
  EXPECT_EQ(deleted->key, "lock/a");
  EXPECT_EQ(deleted->reason, StateDeleteReason::kTtl);
  EXPECT_EQ(test::hex_dump(encode_state_deleted(*deleted)), test::hex_dump(body));
}

}  // namespace
}  // namespace vibrato::format
