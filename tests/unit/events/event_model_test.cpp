#include "events/event_model.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "events/event_frame.hpp"
#include "format/event_record.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::events {
namespace {

TEST(EventModel, keeps_nothing_and_never_holds_the_log_back) {
  EventModel model;
  ASSERT_EQ(model.record_types().size(), 1U);
  EXPECT_EQ(model.record_types()[0], 0x0500);
  EXPECT_EQ(model.durable_lsn(), Lsn::max());
  const auto body = format::encode_user_event({"x", "1"});
  EXPECT_OK(model.apply({Lsn(1), 1, {}, format::kUserEventRecord, true, body}));
  EXPECT_CODE(model.apply({Lsn(1), 1, {}, format::kUserEventRecord, true, {}}), ErrorCode::kCorruption);
  EXPECT_OK(model.save(Lsn(1)));
  EXPECT_OK(model.load());
}

TEST(EventModel, an_append_is_one_record_whose_lsn_is_the_offset) {
  const auto outcome = std::make_shared<AppendOutcome>();
  auto write = make_append("song.played", R"({"n":1})", outcome);
  ASSERT_OK(write);
  commit::EffectList effects(Lsn(9), 1000);
  ASSERT_OK((*write)->validate(effects));
  EXPECT_EQ(outcome->offset, Lsn(9));
  const auto taken = std::move(effects).take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].type, format::kUserEventRecord);
  const auto event = format::decode_user_event(taken[0].body);
  ASSERT_OK(event);
  EXPECT_EQ(event->type, "song.played");
  EXPECT_EQ(event->data, R"({"n":1})");
}

TEST(EventModel, types_have_1_to_64_plain_characters) {
  EXPECT_OK(check_event_type("a"));
  EXPECT_OK(check_event_type("AZaz09_.-"));
  EXPECT_OK(check_event_type(std::string(limits::kEventTypeBytesMax - 1, 'a')));
  EXPECT_OK(check_event_type(std::string(limits::kEventTypeBytesMax, 'a')));
  EXPECT_CODE(check_event_type(std::string(limits::kEventTypeBytesMax + 1, 'a')), ErrorCode::kInvalidArgument);
  for (const char* const bad : {"", "a b", "a\n", "a:b", "\xc3\xa4", "a/b", "a,b"}) {
    EXPECT_CODE(check_event_type(bad), ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(EventModel, names_of_the_systems_events_are_taken) {
  for (const char* const taken :
       {"state_updated", "state_deleted", "vector_collection_created", "vector_collection_deleted", "vector_added",
        "vector_upserted", "vector_updated", "vector_deleted", "vectors_imported", "doc_put", "doc_deleted",
        "sql_executed", "gap"}) {
    EXPECT_TRUE(is_system_event_type(taken)) << taken;
    EXPECT_CODE(check_event_type(taken), ErrorCode::kInvalidArgument) << taken;
  }
  EXPECT_FALSE(is_system_event_type("Gap"));
}

TEST(EventModel, data_has_a_bound) {
  const auto make = [](std::size_t bytes) {
    return make_append("x", std::string(bytes, '1'), std::make_shared<AppendOutcome>()).status();
  };
  EXPECT_OK(make(limits::kStateValueBytesMax - 1));
  EXPECT_OK(make(limits::kStateValueBytesMax));
  EXPECT_CODE(make(limits::kStateValueBytesMax + 1), ErrorCode::kPayloadTooLarge);
}

}  // namespace
}  // namespace vibrato::events
