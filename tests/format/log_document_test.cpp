// docs/formats/log.md against the code: its example log is decoded, and written again byte for byte.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "format/hex_dump.hpp"
#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"
#include "format/log_state.hpp"
#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"
#include "support/source_dir.hpp"

namespace vibrato {
namespace {

constexpr std::int64_t kTimeMs = 1'700'000'000'000;

// What stands in the blocks ```hexdump: the segment and the state file.
std::vector<std::string> documented_dumps() {
  std::ifstream in(test::source_dir() + "/docs/formats/log.md");
  std::stringstream stream;
  stream << in.rdbuf();
  const std::string text = stream.str();
  constexpr std::string_view kFence = "```hexdump\n";
  std::vector<std::string> dumps;
  for (std::size_t at = text.find(kFence); at != std::string::npos; at = text.find(kFence, at)) {
    at += kFence.size();
    dumps.push_back(text.substr(at, text.find("```", at) - at));
  }
  return dumps;
}

format::StoreId example_id() {
  format::StoreId id{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<std::byte>(i);
  }
  return id;
}

TEST(LogDocument, example_segment_decodes_to_the_values_that_the_page_names) {
  const auto dumps = documented_dumps();
  ASSERT_EQ(dumps.size(), 2U);
  const auto parsed = test::parse_hex_dump(dumps[0]);
  ASSERT_TRUE(parsed.has_value());
  const std::span<const std::byte> bytes(*parsed);
  const auto header = format::decode_log_segment_header(bytes);
  ASSERT_OK(header);
  EXPECT_EQ(header->store_id, example_id());
  EXPECT_EQ(header->first_lsn, Lsn(1));
  EXPECT_FALSE(header->has_previous());

  const std::uint32_t salt = format::log_salt(header->store_id, header->first_lsn);
  const auto sync_group = format::decode_log_frame(bytes.subspan(0x80), 0x80, salt);
  ASSERT_OK(sync_group);
  EXPECT_EQ(sync_group->kind, format::LogFrameKind::kSyncGroup);
  EXPECT_EQ(sync_group->lsn, Lsn(1));
  EXPECT_EQ(sync_group->durable_end_bytes, 0x80U);

  const auto put = format::decode_log_frame(bytes.subspan(0xa8), 0xa8, salt);
  ASSERT_OK(put);
  EXPECT_EQ(put->kind, format::LogFrameKind::kRecord);
  EXPECT_EQ(put->lsn, Lsn(1));
  EXPECT_EQ(put->time_ms, kTimeMs);
  EXPECT_EQ(put->collection, CollectionNumber(7));
  EXPECT_EQ(put->type, 1);
  EXPECT_FALSE(put->last_of_group);
  EXPECT_EQ(test::text_of(put->body), "put a");

  const auto erase = format::decode_log_frame(bytes.subspan(0xd0), 0xd0, salt);
  ASSERT_OK(erase);
  EXPECT_EQ(erase->lsn, Lsn(2));
  EXPECT_EQ(erase->type, 2);
  EXPECT_TRUE(erase->last_of_group);
  EXPECT_EQ(test::text_of(erase->body), "delete b");
  EXPECT_EQ(bytes.size(), 0xf8U);
}

TEST(LogDocument, example_state_decodes_to_the_values_that_the_page_names) {
  const auto dumps = documented_dumps();
  ASSERT_EQ(dumps.size(), 2U);
  const auto bytes = test::parse_hex_dump(dumps[1]);
  ASSERT_TRUE(bytes.has_value());
  const auto state = format::decode_log_state(*bytes);
  ASSERT_OK(state);
  EXPECT_EQ(state->store_id, example_id());
  EXPECT_TRUE(state->clean);
  EXPECT_EQ(state->high_water, Lsn(2));
  EXPECT_EQ(state->newest_segment, Lsn(1));
  EXPECT_EQ(state->end_bytes, 0xf8U);
  EXPECT_EQ(state->last_lsn, Lsn(2));
}

TEST(LogDocument, example_is_what_the_log_writes) {
  io::SimulatedFileSystem fs;
  wal::LocalLogOptions options;
  options.new_store_id = example_id();
  const auto log = test::open_log(fs, "/wal", options);
  ASSERT_TRUE(log);
  const std::vector<wal::Record> records = {{1, CollectionNumber(7), kTimeMs, test::bytes_of("put a")},
                                            {2, CollectionNumber(7), kTimeMs, test::bytes_of("delete b")}};
  ASSERT_OK(log->append(std::vector<wal::RecordGroup>{records}, Lsn(0)));
  ASSERT_OK(log->close());
  const auto dumps = documented_dumps();
  ASSERT_EQ(dumps.size(), 2U);
  EXPECT_EQ(test::hex_dump(test::bytes_of(*test::read_text(fs, "/wal/events-00000000000000000001.log"))), dumps[0]);
  EXPECT_EQ(test::hex_dump(test::bytes_of(*test::read_text(fs, "/wal/state"))), dumps[1]);
}

}  // namespace
}  // namespace vibrato
