#include "doc/document_writes.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "format/doc_records.hpp"
#include "support/document_store.hpp"

namespace vibrato::doc {
namespace {

using test::DocumentStore;

std::string text_of(std::size_t json_bytes) {
  return '"' + std::string(json_bytes - 2, 'x') + '"';
}

TEST(DocumentWrites, a_revision_is_the_lsn_of_the_last_write) {
  DocumentStore store;
  EXPECT_EQ(store.put("notes", "a", "1").value(), Lsn(1));
  EXPECT_EQ(store.put("notes", "b", "2").value(), Lsn(2));
  EXPECT_EQ(store.put("notes", "a", "3").value(), Lsn(3));
  EXPECT_EQ(store.erase("notes", "a").value(), true);
  EXPECT_EQ(store.put("notes", "a", "5").value(), Lsn(5));
  EXPECT_EQ((*store.model().get("notes", "a"))->lsn, Lsn(5));
  EXPECT_EQ(store.get("notes", "b").value(), "2");
  EXPECT_EQ(store.get("other", "a").value(), "(none)");
}

TEST(DocumentWrites, an_expected_revision_must_be_the_one_there_is) {
  DocumentStore store;
  EXPECT_CODE(store.put("notes", "a", "1", 7), ErrorCode::kRevisionMismatch);
  EXPECT_OK(store.put("notes", "a", "1", 0));
  EXPECT_CODE(store.put("notes", "a", "2", 0), ErrorCode::kRevisionMismatch);
  EXPECT_CODE(store.put("notes", "a", "2", 2), ErrorCode::kRevisionMismatch);
  EXPECT_OK(store.put("notes", "a", "2", 1));
  EXPECT_CODE(store.patch("notes", "a", "{}", 1), ErrorCode::kRevisionMismatch);
  EXPECT_CODE(store.erase("notes", "a", 1), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(store.erase("notes", "a", 2).value(), true);
  EXPECT_CODE(store.erase("notes", "a", 2), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(store.erase("notes", "a", 0).value(), false);
  EXPECT_EQ(store.last_lsn(), Lsn(3));  // What was refused, or changed nothing, is not logged.
}

TEST(DocumentWrites, a_patch_merges_deeply_and_null_removes) {
  DocumentStore store;
  EXPECT_CODE(store.patch("notes", "a", "{}"), ErrorCode::kNotFound);
  EXPECT_CODE(store.patch("notes", "a", "{}", 0), ErrorCode::kNotFound);
  EXPECT_OK(store.put("notes", "a", R"({"title":"x","tags":[1],"by":{"name":"n","mail":"m"}})"));
  EXPECT_EQ(store.patch("notes", "a", R"({"tags":[2],"by":{"mail":null},"new":1})").value(),
            R"({"by":{"name":"n"},"new":1,"tags":[2],"title":"x"})");
  EXPECT_EQ(store.get("notes", "a").value(), R"({"by":{"name":"n"},"new":1,"tags":[2],"title":"x"})");
  EXPECT_EQ(store.patch("notes", "a", "7").value(), "7");
  EXPECT_CODE(store.patch("notes", "a", "{"), ErrorCode::kInvalidArgument);
}

TEST(DocumentWrites, validations_see_what_is_in_flight) {
  DocumentStore store;
  auto outcome = std::make_shared<PutOutcome>();
  auto put = make_put(store.model(), {"notes", "a", R"({"n":1})", {}}, outcome);
  ASSERT_OK(put);
  commit::EffectList effects(Lsn(1), 0);
  ASSERT_OK((*put)->validate(effects));
  EXPECT_EQ(outcome->revision, Lsn(1));
  const auto logged = std::move(effects).take();
  ASSERT_EQ(logged.size(), 1U);
  store.model().stage({Lsn(1), 0, {}, logged[0].type, true, logged[0].body});
  const auto newest = store.model().newest("notes", "a");
  ASSERT_OK(newest);
  ASSERT_NE(*newest, nullptr);
  EXPECT_EQ((*newest)->value, R"({"n":1})");
  EXPECT_EQ(store.get("notes", "a").value(), "(none)");  // Readers do not.

  const auto body = format::encode_doc_deleted({"notes", "a"});
  store.model().stage({Lsn(2), 0, {}, static_cast<std::uint16_t>(format::DocRecord::kDeleted), true, body});
  EXPECT_EQ(store.model().newest("notes", "a").value(), nullptr);
  store.model().unstage_from(Lsn(2));
  EXPECT_NE(store.model().newest("notes", "a").value(), nullptr);
  store.model().unstage_from(Lsn(1));
  EXPECT_EQ(store.model().newest("notes", "a").value(), nullptr);
}

TEST(DocumentWrites, chosen_documents_are_deleted_unless_they_were_written_since) {
  DocumentStore store;
  for (const char* id : {"a", "b", "c", "d"}) {
    EXPECT_OK(store.put("notes", id, "1"));
  }
  EXPECT_OK(store.put("notes2", "a", "1"));
  const auto first = store.model().choose("notes", {}, {.count = 3});
  ASSERT_OK(first);
  ASSERT_EQ(first->size(), 3U);
  EXPECT_EQ((*first)[2].id, "c");
  const auto rest = store.model().choose("notes", "c", {.count = 3});
  ASSERT_OK(rest);
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_OK(store.put("notes", "b", "2"));
  EXPECT_OK(store.erase("notes", "c"));
  auto deleted = std::make_shared<std::uint64_t>(0);
  EXPECT_OK(store.write(make_delete_chosen(store.model(), "notes", *first, deleted)));
  EXPECT_EQ(*deleted, 1U);
  EXPECT_EQ(store.get("notes", "a").value(), "(none)");
  EXPECT_EQ(store.get("notes", "b").value(), "2");
  EXPECT_EQ(store.get("notes", "d").value(), "1");
  EXPECT_EQ(store.get("notes2", "a").value(), "1");
}

TEST(DocumentWrites, hold_their_caps) {
  DocumentStore store;
  const std::string name(limits::kCollectionNameBytesMax, 'c');
  const std::string id(limits::kDocumentIdBytesMax, 'i');
  const std::string doc = text_of(limits::kStateValueBytesMax);
  EXPECT_OK(store.put(name.substr(1), id.substr(1), text_of(limits::kStateValueBytesMax - 1)));
  EXPECT_OK(store.put(name, id, doc));
  EXPECT_CODE(store.put(name + "c", id, "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store.put(name, id + "i", "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store.put(name, id, text_of(limits::kStateValueBytesMax + 1)), ErrorCode::kPayloadTooLarge);
  EXPECT_CODE(store.patch(name, id, text_of(limits::kStateValueBytesMax + 1)), ErrorCode::kPayloadTooLarge);
  EXPECT_OK(store.put("notes", "p", R"({"a":)" + text_of(limits::kStateValueBytesMax - 20) + "}"));
  EXPECT_CODE(store.patch("notes", "p", R"({"b":"0123456789abcdef"})"), ErrorCode::kPayloadTooLarge);
  for (const char* bad : {"", "a\x01", "\x7f", "\xff"}) {
    EXPECT_CODE(store.put("notes", bad, "1"), ErrorCode::kInvalidArgument) << bad;
  }
  for (const char* bad : {"", ".notes", "a/b", "n\xc3\xb6tes"}) {
    EXPECT_CODE(store.put(bad, "a", "1"), ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(DocumentWrites, are_found_again_when_the_file_is_opened_again) {
  DocumentStore store;
  EXPECT_OK(store.put("notes", "a", "1"));
  EXPECT_OK(store.put("notes", "b", "2"));
  store.save();
  EXPECT_EQ(store.model().durable_lsn(), Lsn(2));
  EXPECT_OK(store.erase("notes", "a"));
  EXPECT_OK(store.put("notes", "c", "3"));
  store.reopen();
  EXPECT_EQ(store.get("notes", "a").value(), "(none)");
  EXPECT_EQ(store.get("notes", "b").value(), "2");
  EXPECT_EQ(store.get("notes", "c").value(), "3");
  EXPECT_EQ((*store.model().get("notes", "c"))->lsn, Lsn(4));
}

}  // namespace
}  // namespace vibrato::doc
