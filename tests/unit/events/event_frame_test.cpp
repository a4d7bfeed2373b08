#include "events/event_frame.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "events/event_filter.hpp"
#include "format/doc_records.hpp"
#include "format/event_record.hpp"
#include "format/idempotency_record.hpp"
#include "format/sql_record.hpp"
#include "format/state_records.hpp"
#include "format/vector_records.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::events {
namespace {

constexpr std::string_view kSettings =
    R"({"dim":3,"metric":"dot","index":"hnsw","m":16,"ef_construction":200,"quantization":"auto","archive":null})";

Result<std::string> name_of(CollectionNumber number) {
  return "c" + std::to_string(number.value());
}

template <typename Type>
Result<std::optional<EventFrame>> frame_of(Type type, const std::vector<std::byte>& body,
                                           const CollectionName& name = name_of) {
  return make_frame({Lsn(42), 1'700'000'000'123, CollectionNumber(7), static_cast<std::uint16_t>(type), true, body},
                    name);
}

template <typename Type>
EventFrame event_of(Type type, const std::vector<std::byte>& body) {
  auto frame = frame_of(type, body);
  EXPECT_OK(frame);
  EXPECT_TRUE(frame.ok() && frame->has_value());
  return frame.ok() && frame->has_value() ? **std::move(frame) : EventFrame();
}

std::string text_with(std::string_view type, std::string_view data) {
  return "event: " + std::string(type) + "\nid: 42\ndata: {\"offset\":42,\"ts_ms\":1700000000123,\"type\":\"" +
         std::string(type) + "\",\"data\":" + std::string(data) + "}\n\n";
}

TEST(EventFrame, a_creation_tells_name_dim_and_metric) {
  const EventFrame frame = event_of(format::VectorRecord::kCollectionCreated,
                                    format::encode_collection_created({"tracks", std::string(kSettings)}));
  EXPECT_EQ(frame.text, text_with("vector_collection_created", R"({"collection":"tracks","dim":3,"metric":"dot"})"));
  EXPECT_EQ(frame.lsn, Lsn(42));
  EXPECT_EQ(frame.type, "vector_collection_created");
  EXPECT_EQ(frame.collection, "tracks");
  EXPECT_FALSE(frame.key.has_value());
}

TEST(EventFrame, a_drop_tells_the_name_alone) {
  const EventFrame frame = event_of(format::VectorRecord::kCollectionDropped, {});
  EXPECT_EQ(frame.text, text_with("vector_collection_deleted", R"({"collection":"c7"})"));
}

TEST(EventFrame, a_put_is_called_after_what_was_asked_and_has_the_vector_as_written) {
  const std::array<float, 3> vector = {0.1F, -2.5F, 16'777'216.0F};
  const auto body = [&](format::PutOrigin origin, const PointIdView& id, std::string_view meta) {
    return format::encode_point_put({origin, id, std::as_bytes(std::span(vector)), meta});
  };
  EXPECT_EQ(
      event_of(format::VectorRecord::kPointPut, body(format::PutOrigin::kAdded, {true, 0, "a\"b"}, R"({"bpm":90})"))
          .text,
      text_with("vector_added", R"({"collection":"c7","id":"a\"b","vector":[0.1,-2.5,16777216],"meta":{"bpm":90}})"));
  EXPECT_EQ(event_of(format::VectorRecord::kPointPut, body(format::PutOrigin::kUpserted, {false, 7, {}}, "")).text,
            text_with("vector_upserted", R"({"collection":"c7","id":7,"vector":[0.1,-2.5,16777216],"meta":null})"));
  EXPECT_EQ(event_of(format::VectorRecord::kPointPut, body(format::PutOrigin::kUpdated, {false, 7, {}}, "[1]")).type,
            "vector_updated");
}

TEST(EventFrame, deletes_and_imports_of_points) {
  EXPECT_EQ(event_of(format::VectorRecord::kPointDeleted, format::encode_point_deleted({true, 0, "a"})).text,
            text_with("vector_deleted", R"({"collection":"c7","id":"a"})"));
  format::VectorsImported imported{12, 13, {}};
  imported.files.push_back({"segments/a.vdb", 1, 12, 4096, {}, {}});
  EXPECT_EQ(event_of(format::VectorRecord::kVectorsImported, format::encode_vectors_imported(imported)).text,
            text_with("vectors_imported", R"({"collection":"c7","points":12})"));
}

TEST(EventFrame, state) {
  const EventFrame put =
      event_of(format::StateRecord::kPut, format::encode_state_put({"user:1", R"({"a":1})", 1'700'000'001'000}));
  EXPECT_EQ(put.text, text_with("state_updated",
                                R"({"key":"user:1","value":{"a":1},"revision":42,"expires_at_ms":1700000001000})"));
  EXPECT_EQ(put.key, "user:1");
  EXPECT_FALSE(put.collection.has_value());
  EXPECT_EQ(event_of(format::StateRecord::kPut, format::encode_state_put({"k", "null", std::nullopt})).text,
            text_with("state_updated", R"({"key":"k","value":null,"revision":42,"expires_at_ms":null})"));
  EXPECT_EQ(
      event_of(format::StateRecord::kDeleted, format::encode_state_deleted({"k", format::StateDeleteReason::kExplicit}))
          .text,
      text_with("state_deleted", R"({"key":"k","reason":"explicit"})"));
  EXPECT_EQ(
      event_of(format::StateRecord::kDeleted, format::encode_state_deleted({"k", format::StateDeleteReason::kTtl}))
          .text,
      text_with("state_deleted", R"({"key":"k","reason":"ttl"})"));
}

TEST(EventFrame, documents) {
  const EventFrame put = event_of(format::DocRecord::kPut, format::encode_doc_put({"notes", "n1", R"({"x":[]})"}));
  EXPECT_EQ(put.text, text_with("doc_put", R"({"collection":"notes","id":"n1","revision":42,"doc":{"x":[]}})"));
  EXPECT_EQ(put.collection, "notes");
  EXPECT_FALSE(put.key.has_value());
  EXPECT_EQ(event_of(format::DocRecord::kDeleted, format::encode_doc_deleted({"notes", "n1"})).text,
            text_with("doc_deleted", R"({"collection":"notes","id":"n1"})"));
}

TEST(EventFrame, executed_sql) {
  EXPECT_EQ(event_of(format::kSqlExecutedRecord,
                     format::encode_sql_record({"INSERT INTO t\nVALUES (?1)", R"([1,"x"])", 5, 6, 1}))
                .text,
            text_with("sql_executed", R"_({"sql":"INSERT INTO t\nVALUES (?1)","params":[1,"x"],"rows_affected":1})_"));
  EXPECT_EQ(event_of(format::kSqlExecutedRecord, format::encode_sql_record({"DELETE FROM t", "[]", 5, 6, 0})).text,
            text_with("sql_executed", R"({"sql":"DELETE FROM t","params":[],"rows_affected":0})"));
}

TEST(EventFrame, a_users_event_is_as_it_was_written_and_on_one_line) {
  const EventFrame frame = event_of(format::kUserEventRecord, format::encode_user_event({"song.played", R"({"n":1})"}));
  EXPECT_EQ(frame.text, text_with("song.played", R"({"n":1})"));
  EXPECT_TRUE(frame.is_users);
  EXPECT_EQ(event_of(format::kUserEventRecord, format::encode_user_event({"x", "{\r\n\"n\":\n1}"})).text,
            text_with("x", R"({"n":1})"));
}

TEST(EventFrame, filters_see_key_and_collection_of_a_users_event) {
  const EventFrame frame = event_of(
      format::kUserEventRecord, format::encode_user_event({"x", R"({"key":"k1","collection":"c","in":{"key":"no"}})"}));
  EXPECT_EQ(frame.key, "k1");
  EXPECT_EQ(frame.collection, "c");
  const EventFrame numbers =
      event_of(format::kUserEventRecord, format::encode_user_event({"x", R"({"key":1,"collection":[]})"}));
  EXPECT_FALSE(numbers.key.has_value());
  EXPECT_FALSE(numbers.collection.has_value());
}

TEST(EventFrame, the_record_of_an_idempotency_key_is_no_event) {
  format::IdempotencyRecord key;
  key.key = "k";
  const auto frame = frame_of(format::kIdempotencyRecord, format::encode_idempotency_record(key));
  ASSERT_OK(frame);
  EXPECT_FALSE(frame->has_value());
}

TEST(EventFrame, what_cannot_be_read_is_corruption_and_an_unknown_name_is_the_errand_of_whoever_knows) {
  EXPECT_CODE(frame_of(format::StateRecord::kPut, std::vector<std::byte>(3)).status(), ErrorCode::kCorruption);
  EXPECT_CODE(frame_of(std::uint16_t{0x7777}, {}).status(), ErrorCode::kCorruption);
  EXPECT_CODE(frame_of(format::VectorRecord::kCollectionDropped, {},
                       [](CollectionNumber) { return Result<std::string>(Status(ErrorCode::kNotFound, "no")); })
                  .status(),
              ErrorCode::kNotFound);
}

TEST(EventFrame, a_gap_names_the_missing_offsets_and_has_no_id) {
  EXPECT_EQ(gap_frame(Lsn(1), Lsn(9)), "event: gap\ndata: {\"from_offset\":1,\"to_offset\":9,\"dropped\":9}\n\n");
}

EventFrame made_frame(std::string type, std::optional<std::string> key, std::optional<std::string> collection) {
  EventFrame frame;
  frame.type = std::move(type);
  frame.key = std::move(key);
  frame.collection = std::move(collection);
  return frame;
}

TEST(EventFilter, all_that_is_asked_for_must_hold) {
  const EventFrame state = made_frame("state_updated", "user:1", std::nullopt);
  const EventFrame point = made_frame("vector_added", std::nullopt, "tracks");
  EXPECT_TRUE(EventFilter().passes(state));
  EventFilter types;
  types.types = {"state_updated", "doc_put"};
  EXPECT_TRUE(types.passes(state));
  EXPECT_FALSE(types.passes(point));
  EventFilter prefix;
  prefix.key_prefix = "user:";
  EXPECT_TRUE(prefix.passes(state));
  EXPECT_FALSE(prefix.passes(point));
  prefix.key_prefix = "users";
  EXPECT_FALSE(prefix.passes(state));
  EventFilter collection;
  collection.collection = "tracks";
  EXPECT_TRUE(collection.passes(point));
  EXPECT_FALSE(collection.passes(state));
  collection.types = {"vector_deleted"};
  EXPECT_FALSE(collection.passes(point));
}

TEST(EventFilter, a_limited_key_sees_its_collections_and_no_users_events) {
  EventFilter limited;
  limited.visible_collections = {"tracks"};
  EXPECT_TRUE(limited.passes(made_frame("vector_added", std::nullopt, "tracks")));
  EXPECT_FALSE(limited.passes(made_frame("vector_added", std::nullopt, "others")));
  EXPECT_FALSE(limited.passes(made_frame("state_updated", "k", std::nullopt)));
  EventFrame users = made_frame("song.played", std::nullopt, "tracks");
  users.is_users = true;
  EXPECT_FALSE(limited.passes(users));
}

}  // namespace
}  // namespace vibrato::events
