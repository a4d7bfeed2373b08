// docs/formats/records.md against the code: its example records are decoded, and written again byte for byte.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "format/event_record.hpp"
#include "format/hex_dump.hpp"
#include "format/idempotency_record.hpp"
#include "format/records_page.hpp"
#include "format/vector_records.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

constexpr std::array<float, 2> kVector = {1.0F, -2.5F};
constexpr std::string_view kSettings =
    R"({"dim":2,"metric":"dot","index":"hnsw","m":16,"ef_construction":200,"quantization":"auto","archive":null})";

std::vector<std::vector<std::byte>> documented_bodies() {
  auto bodies = test::documented_records();
  EXPECT_GE(bodies.size(), 6U);
  bodies.resize(std::max<std::size_t>(bodies.size(), 6));
  return bodies;
}

void expect_same(const std::vector<std::byte>& written, const std::vector<std::byte>& documented) {
  EXPECT_EQ(test::hex_dump(written), test::hex_dump(documented));
}

TEST(RecordsDocument, example_of_a_creation) {
  const auto bodies = documented_bodies();
  const auto created = decode_collection_created(bodies[0]);
  ASSERT_OK(created);
  EXPECT_EQ(created->name, "tracks");
  EXPECT_EQ(created->settings, kSettings);
  expect_same(encode_collection_created({"tracks", std::string(kSettings)}), bodies[0]);
}

TEST(RecordsDocument, examples_of_puts) {
  const auto bodies = documented_bodies();
  const auto added = decode_point_put(bodies[1]);
  ASSERT_OK(added);
  EXPECT_EQ(added->origin, PutOrigin::kAdded);
  EXPECT_EQ(added->id, (PointIdView{true, 0, "a"}));
  EXPECT_EQ(added->meta_json, R"({"bpm":90})");
  EXPECT_TRUE(std::ranges::equal(added->vector, std::as_bytes(std::span(kVector))));
  expect_same(encode_point_put({PutOrigin::kAdded, {true, 0, "a"}, std::as_bytes(std::span(kVector)), R"({"bpm":90})"}),
              bodies[1]);
  const auto upserted = decode_point_put(bodies[2]);
  ASSERT_OK(upserted);
  EXPECT_EQ(upserted->origin, PutOrigin::kUpserted);
  EXPECT_EQ(upserted->id, (PointIdView{false, 7, {}}));
  EXPECT_EQ(upserted->meta_json, "");
  expect_same(encode_point_put({PutOrigin::kUpserted, {false, 7, {}}, std::as_bytes(std::span(kVector)), {}}),
              bodies[2]);
}

TEST(RecordsDocument, example_of_a_delete) {
  const auto bodies = documented_bodies();
  const auto id = decode_point_deleted(bodies[3]);
  ASSERT_OK(id);
  EXPECT_EQ(*id, (PointIdView{true, 0, "a"}));
  expect_same(encode_point_deleted({true, 0, "a"}), bodies[3]);
}

TEST(RecordsDocument, example_of_an_import) {
  const auto bodies = documented_bodies();
  const auto record = decode_vectors_imported(bodies[4]);
  ASSERT_OK(record);
  EXPECT_EQ(record->points, 3U);
  EXPECT_EQ(record->next_point_number, 8U);
  ASSERT_EQ(record->files.size(), 1U);
  EXPECT_EQ(record->files[0].file, "segments/segment-0000000000000007.vdb");
  EXPECT_EQ(record->files[0].level, 1);
  EXPECT_EQ(record->files[0].rows, 3U);
  EXPECT_EQ(record->files[0].bytes, 65536U);
  EXPECT_EQ(record->files[0].sha256[31], std::byte{31});
  EXPECT_TRUE(record->files[0].dead.empty());
  expect_same(encode_vectors_imported(*record), bodies[4]);
}

TEST(RecordsDocument, example_of_an_idempotency_key) {
  const auto bodies = documented_bodies();
  const auto record = decode_idempotency_record(bodies[5]);
  ASSERT_OK(record);
  IdempotencyRecord made;
  made.scope = "vbk_1";
  made.key = "order-7";
  for (std::size_t i = 0; i < made.fingerprint.size(); ++i) {
    made.fingerprint[i] = static_cast<std::byte>(i);
  }
  made.status = 200;
  made.answer = R"({"ok":true,"lsn":2})";
  EXPECT_EQ(record->scope, made.scope);
  EXPECT_EQ(record->key, made.key);
  EXPECT_EQ(record->fingerprint, made.fingerprint);
  EXPECT_EQ(record->status, made.status);
  EXPECT_EQ(record->answer, made.answer);
  expect_same(encode_idempotency_record(made), bodies[5]);
}

TEST(RecordsDocument, example_of_a_users_event) {
  const auto body = encode_user_event({"played", R"({"id":7})"});
  const auto bodies = documented_bodies();
  EXPECT_NE(std::ranges::find(bodies, body), bodies.end()) << test::hex_dump(body);
}

}  // namespace
}  // namespace vibrato::format
