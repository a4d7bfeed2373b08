#include <chrono>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.hpp"
#include "doc/document_model.hpp"
#include "filter/meta_value.hpp"
#include "sqlite/connection.hpp"
#include "support/document_store.hpp"

namespace vibrato::doc {
namespace {

using test::DocumentStore;

std::vector<SortKey> sort_by(std::string_view path, bool descending = false) {
  return {{filter::path_of(path), descending}};
}

class FindTest : public ::testing::Test {
 protected:
  // "a b c", with "..." at the end if there are more.
  std::string found(const FindRequest& request, std::string_view collection = "notes") {
    const auto page = store_.model().find(collection, request);
    EXPECT_OK(page);
    if (!page.ok()) {
      return "(error)";
    }
    last_ = *page;
    std::string text;
    for (const Document& document : page->documents) {
      text += (text.empty() ? "" : " ") + document.id;
    }
    return text + (page->next_cursor ? "..." : "");
  }
  // Documents 0000 to (count - 1): {"n": i, "half": i / 2, "odd": .., "name": "x<i>"}.
  void put_many(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_OK(store_.put("many", fmt::format("{:04}", i),
                           fmt::format(R"({{"n":{},"half":{},"odd":{},"name":"x{}"}})", i, i / 2, i % 2 == 1, i)));
    }
  }

  DocumentStore store_{{.unindexed_rows_max = 100, .builds_by_itself = false}};
  FoundPage last_;
};

TEST_F(FindTest, an_unknown_collection_is_empty) {
  EXPECT_EQ(found({}), "");
}

TEST_F(FindTest, documents_come_in_the_order_of_their_ids_saved_or_not) {
  EXPECT_OK(store_.put("notes", "b", "1"));
  EXPECT_OK(store_.put("notes", "d", "1"));
  EXPECT_OK(store_.put("notes", "e", "1"));
  store_.save();
  EXPECT_OK(store_.put("notes", "c", "1"));
  EXPECT_OK(store_.put("notes", "\xc3\xa4", "1"));
  EXPECT_OK(store_.put("notes", "B", "1"));
  EXPECT_OK(store_.erase("notes", "e"));
  EXPECT_OK(store_.put("notes1", "x", "1"));
  EXPECT_OK(store_.put("note", "y", "1"));
  EXPECT_EQ(found({}), "B b c d \xc3\xa4");
  EXPECT_EQ(found({.limit = 4}), "B b c d...");
  const auto cursor = last_.next_cursor;
  EXPECT_EQ(found({.limit = 1, .cursor = cursor}), "\xc3\xa4");  // A last page that is full.
  EXPECT_EQ(found({.limit = 5}), "B b c d \xc3\xa4");
}

TEST_F(FindTest, a_cursor_goes_on_behind_its_place_whatever_is_written) {
  for (const char* id : {"a", "c", "e", "g"}) {
    EXPECT_OK(store_.put("notes", id, R"({"n":1})"));
  }
  EXPECT_EQ(found({.limit = 2}), "a c...");
  const auto by_id = last_.next_cursor;
  EXPECT_EQ(found({.sort = sort_by("n"), .limit = 2}), "a c...");
  const auto by_n = last_.next_cursor;
  EXPECT_OK(store_.erase("notes", "c"));
  EXPECT_OK(store_.put("notes", "b", R"({"n":1})"));
  EXPECT_OK(store_.put("notes", "d", R"({"n":1})"));
  EXPECT_EQ(found({.cursor = by_id}), "d e g");
  EXPECT_EQ(found({.sort = sort_by("n"), .cursor = by_n}), "d e g");
  for (const std::string& bad : {std::string(), std::string("x"), std::string("01"), by_n->substr(2), *by_n + "g"}) {
    EXPECT_CODE(store_.model().find("notes", {.cursor = bad}), ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_CODE(store_.model().find("notes", {.cursor = by_n}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store_.model().find("notes", {.sort = sort_by("n", true), .cursor = by_n}), ErrorCode::kInvalidArgument);
}

TEST_F(FindTest, a_sort_orders_kinds_of_values_and_puts_absent_keys_last) {
  EXPECT_OK(store_.put("notes", "absent", "{}"));
  EXPECT_OK(store_.put("notes", "object", R"({"v":{"a":1}})"));
  EXPECT_OK(store_.put("notes", "array", R"({"v":[0]})"));
  EXPECT_OK(store_.put("notes", "text", R"({"v":"a"})"));
  EXPECT_OK(store_.put("notes", "number", R"({"v":-1})"));
  EXPECT_OK(store_.put("notes", "number2", R"({"v":10})"));
  EXPECT_OK(store_.put("notes", "true", R"({"v":true})"));
  EXPECT_OK(store_.put("notes", "null", R"({"v":null})"));
  EXPECT_OK(store_.put("notes", "scalar", "7"));
  for (int saved = 0; saved < 2; ++saved) {
    EXPECT_EQ(found({.sort = sort_by("v")}), "null true number number2 text array object absent scalar");
    EXPECT_EQ(found({.sort = sort_by("v", true)}), "array object text number2 number true null absent scalar");
    EXPECT_EQ(found({.sort = sort_by("v", true), .limit = 8}), "array object text number2 number true null absent...");
    EXPECT_EQ(found({.sort = sort_by("v", true), .cursor = last_.next_cursor}), "scalar");
    store_.save();
  }
}

TEST_F(FindTest, several_keys_sort_one_after_the_other) {
  EXPECT_OK(store_.put("notes", "a", R"({"x":1,"y":{"z":1}})"));
  EXPECT_OK(store_.put("notes", "b", R"({"x":2,"y":{"z":3}})"));
  EXPECT_OK(store_.put("notes", "c", R"({"x":1,"y":{"z":2}})"));
  EXPECT_OK(store_.put("notes", "d", R"({"x":2,"y":{"z":3}})"));
  const std::vector<SortKey> sort = {{filter::path_of("x"), true}, {filter::path_of("y.z"), false}};
  EXPECT_EQ(found({.sort = sort}), "b d a c");
  EXPECT_EQ(found({.sort = sort, .limit = 3}), "b d a...");
  EXPECT_EQ(found({.sort = sort, .cursor = last_.next_cursor}), "c");
}

TEST_F(FindTest, a_page_ends_at_its_bytes) {
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_OK(store_.put("notes", id, R"("0123456789")"));
  }
  EXPECT_EQ(found({.bytes_max = 1}), "a...");
  EXPECT_EQ(found({.bytes_max = 20}), "a b...");
  EXPECT_EQ(found({.sort = sort_by("n"), .bytes_max = 20}), "a b...");
  EXPECT_EQ(found({.sort = sort_by("n"), .cursor = last_.next_cursor, .bytes_max = 1}), "c");
}

TEST_F(FindTest, ends_at_its_deadline) {
  put_many(1100);
  const filter::Filter filter = test::document_filter(R"({"key":"n","match":{"value":-1}})");
  FindRequest request{.filter = &filter, .deadline = Deadline(store_.clock(), 5)};
  EXPECT_OK(store_.model().find("many", request));
  store_.clock().advance_ms(1);
  EXPECT_CODE(store_.model().find("many", request), ErrorCode::kTimeout);
}

TEST_F(FindTest, values_to_sort_by_are_bounded_in_all) {
  const std::string doc = R"({"v":")" + std::string(limits::kMiB - 100, 'x') + R"("})";
  for (std::size_t i = 0; i < limits::kSortBytesMax / limits::kMiB + 1; ++i) {
    EXPECT_OK(store_.put("notes", fmt::format("{:03}", i), doc));
  }
  EXPECT_OK(store_.model().find("notes", {.sort = sort_by("v"), .limit = 10}));
  EXPECT_CODE(store_.model().find("notes", {.sort = sort_by("v"), .limit = 1000}), ErrorCode::kPayloadTooLarge);
}

// ---- Indexes ----

TEST_F(FindTest, a_find_that_looks_at_many_documents_gets_an_index) {
  put_many(300);
  const filter::Filter filter = test::document_filter(R"({"key":"half","match":{"value":70}})");
  const FindRequest request{.filter = &filter};
  EXPECT_EQ(found(request, "many"), "0140 0141");
  EXPECT_FALSE(last_.used_index);
  EXPECT_EQ(last_.examined, 300U);
  store_.build_indexes();
  EXPECT_EQ(found(request, "many"), "0140 0141");
  EXPECT_TRUE(last_.used_index);
  EXPECT_EQ(last_.examined, 300U);  // None of them is saved: the index is of the file.
  store_.save();
  EXPECT_EQ(found(request, "many"), "0140 0141");
  EXPECT_EQ(last_.examined, 2U);
  store_.reopen();
  EXPECT_EQ(found(request, "many"), "0140 0141");
  EXPECT_EQ(last_.examined, 2U);
}

TEST_F(FindTest, a_find_that_looks_at_few_documents_gets_none) {
  put_many(100);
  EXPECT_EQ(found({.sort = sort_by("n", true), .limit = 1}, "many"), "0099...");
  EXPECT_EQ(store_.model().build_indexes().value(), false);
  EXPECT_OK(store_.put("many", "0100", R"({"n":100})"));
  EXPECT_EQ(found({.sort = sort_by("n", true), .limit = 1}, "many"), "0100...");
  EXPECT_EQ(store_.model().build_indexes().value(), true);
}

TEST_F(FindTest, an_index_serves_ranges_prefixes_and_the_order) {
  put_many(2100);
  store_.save();
  const char* const filters[] = {
      R"({"key":"n","range":{"gte":1000,"lt":1003}})", R"({"key":"name","match":{"prefix":"x150"}})",
      R"({"must":[{"key":"odd","match":{"value":true}},{"key":"half","match":{"any":[7,9]}}]})"};
  const char* const ids[] = {"1000 1001 1002", "0150 1500 1501 1502 1503 1504 1505 1506 1507 1508 1509", "0015 0019"};
  for (int indexed = 0; indexed < 2; ++indexed) {
    for (std::size_t i = 0; i < std::size(filters); ++i) {
      const filter::Filter filter = test::document_filter(filters[i]);
      EXPECT_EQ(found({.filter = &filter}, "many"), ids[i]);
      EXPECT_EQ(last_.used_index, indexed == 1);
      EXPECT_LE(indexed == 1 ? last_.examined : 0, 11U);
    }
    EXPECT_EQ(found({.sort = sort_by("half", true), .limit = 3}, "many"), "2098 2099 2096...");
    EXPECT_EQ(found({.sort = sort_by("half", true), .limit = 3, .cursor = last_.next_cursor}, "many"),
              "2097 2094 2095...");
    EXPECT_LE(indexed == 1 ? last_.examined : 0, 7U);
    store_.build_indexes();
  }
  // With the order in the index a page of what matches often is found without looking at all.
  const filter::Filter odd = test::document_filter(R"({"key":"odd","match":{"value":true}})");
  EXPECT_EQ(found({.filter = &odd, .sort = sort_by("half"), .limit = 2}, "many"), "0001 0003...");
  EXPECT_LE(last_.examined, 10U);
}

TEST_F(FindTest, a_collection_has_at_most_so_many_indexes_and_an_idle_one_gives_way) {
  put_many(101);
  store_.save();
  const auto find_by = [&](std::size_t key) {
    const filter::Filter filter = test::document_filter(fmt::format(R"({{"key":"k{}","match":{{"value":1}}}})", key));
    EXPECT_EQ(found({.filter = &filter}, "many"), "");
    return last_.used_index;
  };
  for (std::size_t i = 0; i <= limits::kDocumentIndexesMax; ++i) {
    EXPECT_FALSE(find_by(i));
    store_.build_indexes();
    EXPECT_EQ(find_by(i), i < limits::kDocumentIndexesMax) << i;
  }
  store_.clock().advance_ms(std::int64_t{24} * 3600 * 1000 - 1);
  EXPECT_TRUE(find_by(0));
  EXPECT_FALSE(find_by(limits::kDocumentIndexesMax));
  store_.build_indexes();
  EXPECT_FALSE(find_by(limits::kDocumentIndexesMax));
  store_.clock().advance_ms(1);
  store_.build_indexes();
  EXPECT_TRUE(find_by(limits::kDocumentIndexesMax));
  EXPECT_TRUE(find_by(0));
}

TEST_F(FindTest, indexes_of_a_collection_without_documents_go_when_the_file_is_opened) {
  put_many(101);
  store_.save();
  const filter::Filter filter = test::document_filter(R"({"key":"n","match":{"value":1}})");
  EXPECT_EQ(found({.filter = &filter}, "many"), "0001");
  store_.build_indexes();
  for (int i = 0; i < 101; ++i) {
    EXPECT_OK(store_.erase("many", fmt::format("{:04}", i)));
  }
  store_.save();
  EXPECT_EQ(found({.filter = &filter}, "many"), "");
  EXPECT_TRUE(last_.used_index);
  store_.reopen();
  EXPECT_EQ(found({.filter = &filter}, "many"), "");
  EXPECT_FALSE(last_.used_index);
}

TEST_F(FindTest, ends_at_its_deadline_among_few_large_documents_too) {
  const std::string doc = R"({"v":")" + std::string(70'000, 'x') + R"("})";
  EXPECT_OK(store_.put("notes", "a", doc));
  EXPECT_OK(store_.put("notes", "b", doc));
  const Deadline passed(store_.clock(), store_.clock().monotonic_ns());
  EXPECT_CODE(store_.model().find("notes", {.limit = 10, .deadline = passed}), ErrorCode::kTimeout);
}

TEST(FindAndBuild, no_index_is_built_while_it_may_not_be) {
  bool may_build = false;
  DocumentStore store({.unindexed_rows_max = 1, .builds_by_itself = false, .may_build = [&] { return may_build; }});
  EXPECT_OK(store.put("c", "a", R"({"n":1})"));
  EXPECT_OK(store.put("c", "b", R"({"n":2})"));
  EXPECT_OK(store.model().find("c", {.sort = sort_by("n"), .limit = 1}));
  EXPECT_EQ(store.model().build_indexes().value(), false);
  may_build = true;
  EXPECT_EQ(store.model().build_indexes().value(), true);
}

// A find that ends between the wish for an index and its grant wishes for it again.
TEST(FindByItself, makes_one_index_of_a_path_whoever_asks_meanwhile) {
  constexpr int kPaths = 25;
  DocumentStore store(DocumentModelOptions{.unindexed_rows_max = 1});
  for (int id = 0; id < 20; ++id) {
    EXPECT_OK(store.put("c", fmt::format("{}", id), R"({"p0":1})"));
  }
  store.save();
  const auto find_all = [&store] {
    for (int round = 0; round < 20; ++round) {
      for (int path = 0; path < kPaths; ++path) {
        const filter::Filter filter =
            test::document_filter(fmt::format(R"({{"key":"p{}","match":{{"value":1}}}})", path));
        EXPECT_OK(store.model().find("c", {.filter = &filter}));
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(find_all);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  auto file = sqlite::Connection::open(store.vfs(), "/docs.db", {.journal_mode = sqlite::JournalMode::kWalShared});
  ASSERT_OK(file);
  auto count = (*file)->prepare("SELECT count(*), count(DISTINCT path) FROM document_indexes");
  ASSERT_OK(count);
  sqlite::Rows rows = count->run();
  ASSERT_TRUE(rows.next().value());
  EXPECT_GT(rows.i64(0), 0);
  EXPECT_EQ(rows.i64(0), rows.i64(1));
}

TEST(FindByItself, builds_indexes_without_being_asked) {
  DocumentStore store(DocumentModelOptions{.unindexed_rows_max = 10});
  for (int i = 0; i < 200; ++i) {
    EXPECT_OK(store.put("many", fmt::format("{:04}", i), fmt::format(R"({{"n":{}}})", i)));
  }
  store.save();
  const filter::Filter filter = test::document_filter(R"({"key":"n","match":{"value":7}})");
  for (int tries = 0;; ++tries) {
    const auto page = store.model().find("many", {.filter = &filter});
    ASSERT_OK(page);
    ASSERT_EQ(page->documents.size(), 1U);
    if (page->used_index) {
      break;
    }
    ASSERT_LT(tries, 60'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace
}  // namespace vibrato::doc
