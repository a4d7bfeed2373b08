// Random documents, writes, saves, reopenings and steps of building indexes; random finds, page by page, against a
// plain evaluation of the same filter and order. VIBRATO_DOCUMENT_STEPS sets the number of steps, VIBRATO_TEST_SEED the
// seed.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "doc/document_model.hpp"
#include "filter/meta_value.hpp"
#include "property/filter_oracle.hpp"
#include "property/made_meta.hpp"
#include "support/document_store.hpp"
#include "support/test_numbers.hpp"

namespace vibrato::doc {
namespace {

using test::json;

// null < bool < number < string < rest.
int rank_of(const json& value) {
  if (value.is_null()) return 0;
  if (value.is_boolean()) return 1;
  if (value.is_number()) return 2;
  return value.is_string() ? 3 : 4;
}

// Below 0: a comes first.
int oracle_order(const json* a, const json* b, bool descending) {
  if (a == nullptr || b == nullptr) {
    return static_cast<int>(a == nullptr) - static_cast<int>(b == nullptr);
  }
  int order = rank_of(*a) - rank_of(*b);
  if (order == 0 && rank_of(*a) >= 1 && rank_of(*a) <= 3) {
    const auto left = *test::oracle_scalar(*a);
    const auto right = *test::oracle_scalar(*b);
    order = static_cast<int>(right < left) - static_cast<int>(left < right);
  }
  return descending ? -order : order;
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), meta_(random_, 0) {}

  void step() {
    const std::uint64_t kind = random_.below(100);
    if (kind < 45) {
      put();
    } else if (kind < 55) {
      erase();
    } else if (kind < 61) {
      store_.save();
    } else if (kind < 62) {
      store_.reopen();
    } else if (kind < 75) {
      EXPECT_OK(store_.model().build_indexes());
    } else {
      find();
    }
  }
  [[nodiscard]] std::uint64_t finds_by_index() const { return finds_by_index_; }

 private:
  using Documents = std::map<std::string, json>;

  std::string id() { return fmt::format("id {}", random_.below(400)); }

  void put() {
    json document = meta_.meta();
    const std::string name = id();
    EXPECT_OK(store_.put("c", name, document.dump()));
    documents_[name] = std::move(document);
  }

  void erase() {
    const std::string name = id();
    const auto erased = store_.erase("c", name);
    ASSERT_OK(erased);
    EXPECT_EQ(*erased, documents_.erase(name) == 1);
  }

  std::vector<std::string> expected(const json& filter, const std::vector<SortKey>& sort) {
    std::vector<std::string> ids;
    for (const auto& [name, document] : documents_) {
      if (test::oracle_matches(filter, json(name), document)) {
        ids.push_back(name);
      }
    }
    std::stable_sort(ids.begin(), ids.end(), [&](const std::string& a, const std::string& b) {
      for (const SortKey& key : sort) {
        const int order = oracle_order(test::oracle_value(documents_[a], key.path.key),
                                       test::oracle_value(documents_[b], key.path.key), key.descending);
        if (order != 0) {
          return order < 0;
        }
      }
      return false;
    });
    return ids;
  }

  void find() {
    const json filter_json = random_.chance(0.1) ? json::object() : meta_.filter(2);
    const filter::Filter filter = test::document_filter(filter_json.dump());
    FindRequest request{.filter = random_.chance(0.9) ? &filter : nullptr};
    for (std::uint64_t keys = random_.chance(0.5) ? 0 : 1 + random_.below(5) / 4; keys > 0; --keys) {
      request.sort.push_back({filter::path_of(meta_.key()), random_.chance(0.5)});
    }
    const std::vector<std::string> ids =
        expected(request.filter == nullptr ? json::object() : filter_json, request.sort);
    std::vector<std::string> found;
    do {
      request.limit = static_cast<std::uint32_t>(1 + random_.below(random_.chance(0.5) ? 20 : 300));
      const auto page = store_.model().find("c", request);
      ASSERT_OK(page);
      finds_by_index_ += page->used_index ? 1 : 0;
      ASSERT_TRUE(page->documents.size() == request.limit || !page->next_cursor);
      for (const Document& document : page->documents) {
        found.push_back(document.id);
        ASSERT_EQ(document.doc_json(), documents_[document.id].dump());
      }
      request.cursor = page->next_cursor;
      if (random_.chance(0.1)) {
        EXPECT_OK(store_.model().build_indexes());
      }
    } while (request.cursor);
    std::string order;
    for (const SortKey& key : request.sort) {
      order += key.path.key + (key.descending ? " desc, " : " asc, ");
    }
    ASSERT_EQ(found, ids) << filter_json.dump() << " sorted by " << order;
  }

  Random random_;
  test::MadeMeta meta_;
  // Small bounds, so that each way of finding is gone.
  test::DocumentStore store_{
      {.unindexed_rows_max = 5,
       .find =
           {.listed_max_by_id = 60, .listed_max_sorted = 120, .listed_at_once = 8, .visits_min = 4, .visits_max = 100},
       .index_step_rows = 40,
       .builds_by_itself = false}};
  Documents documents_;
  std::uint64_t finds_by_index_ = 0;
};

TEST(FindRandom, answers_what_a_plain_evaluation_does) {
  const std::uint64_t seed = test::seed_or(20261122);
  SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
  World world(seed);
  const std::uint64_t steps = test::number_from_environment("VIBRATO_DOCUMENT_STEPS", 4000);
  for (std::uint64_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
    world.step();
  }
  EXPECT_GT(world.finds_by_index(), steps / 50);
}

}  // namespace
}  // namespace vibrato::doc
