#include "commit/staged_records.hpp"

#include <algorithm>
#include <ctime>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <random>
#include <string>
#include <string_view>

namespace vibrato::commit {
namespace {

// The whole body is the key.
struct BodyKeys {
  using Key = std::string_view;
  using Hash = std::hash<std::string_view>;
  static Key of(const wal::StoredRecord& record) {
    return {reinterpret_cast<const char*>(record.body.data()), record.body.size()};
  }
};

class StagedRecordsTest : public ::testing::Test {
 protected:
  void stage(std::uint64_t lsn, const std::string& key) {
    bodies_.push_back(key);
    const std::string& body = bodies_.back();
    wal::StoredRecord record;
    record.lsn = Lsn(lsn);
    record.body = std::as_bytes(std::span(body.data(), body.size()));
    staged_.stage(record);
  }
  // As the sequencer and joined writes do: the bodies go afterwards. They are spoilt first.
  void unstage_from(std::uint64_t lsn) {
    staged_.unstage_from(Lsn(lsn));
    while (bodies_.size() > staged_.in_flight().size()) {
      drop(std::prev(bodies_.end()));
    }
  }
  void apply(std::uint64_t lsn) {
    staged_.set_applied(Lsn(lsn));
    while (bodies_.size() > staged_.in_flight().size()) {
      drop(bodies_.begin());
    }
  }
  // The LSN of the newest record of the key; 0 for none.
  std::uint64_t find(std::string_view key) {
    const auto* const record = staged_.find(key);
    return record == nullptr ? 0 : record->lsn.value();
  }

  StagedRecords<BodyKeys> staged_;

 private:
  void drop(std::list<std::string>::iterator body) {
    body->assign(body->size(), '\xee');
    bodies_.erase(body);
  }

  std::list<std::string> bodies_;  // Of what is in flight.
};

TEST_F(StagedRecordsTest, unstaging_from_the_middle_uncovers_what_was_before) {
  stage(1, "a");
  stage(2, "b");
  stage(3, "a");
  EXPECT_EQ(find("a"), 3U);
  stage(4, "a");  // Not in the table when it goes.
  unstage_from(4);
  EXPECT_EQ(find("a"), 3U);
  unstage_from(2);
  EXPECT_EQ(find("a"), 1U);
  EXPECT_EQ(find("b"), 0U);
  unstage_from(1);
  EXPECT_TRUE(staged_.is_empty());
  EXPECT_EQ(find("a"), 0U);
}

TEST_F(StagedRecordsTest, what_is_applied_is_neither_found_nor_unstaged) {
  stage(1, "a");
  stage(2, "a");
  stage(3, "b");
  EXPECT_EQ(find("a"), 2U);
  apply(1);
  EXPECT_EQ(find("a"), 2U);
  apply(2);
  EXPECT_EQ(find("a"), 0U);
  EXPECT_FALSE(staged_.is_empty());
  unstage_from(3);
  EXPECT_TRUE(staged_.is_empty());
  stage(3, "c");
  EXPECT_EQ(find("c"), 3U);
}

TEST_F(StagedRecordsTest, any_sequence_finds_the_newest_in_flight) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    std::list<std::pair<std::uint64_t, std::string>> oracle;
    std::uint64_t next = 1;
    for (int step = 0; step < 2000; ++step) {
      const std::string key(1 + random() % 3, static_cast<char>('a' + random() % 4));
      switch (random() % 6) {
        case 0:
          unstage_from(next -= oracle.empty() ? 0 : random() % (oracle.size() + 1));
          while (!oracle.empty() && oracle.back().first >= next) oracle.pop_back();
          break;
        case 1:
          if (!oracle.empty()) {
            const std::uint64_t up_to = oracle.front().first + random() % (next - oracle.front().first);
            apply(up_to);
            while (!oracle.empty() && oracle.front().first <= up_to) oracle.pop_front();
          }
          break;
        case 2: {
          const auto newest =
              std::find_if(oracle.rbegin(), oracle.rend(), [&](const auto& one) { return one.second == key; });
          ASSERT_EQ(find(key), newest == oracle.rend() ? 0 : newest->first) << seed << ' ' << step;
          break;
        }
        default:
          stage(next, key);
          oracle.emplace_back(next++, key);
      }
      ASSERT_EQ(staged_.is_empty(), oracle.empty());
    }
    unstage_from(1);
    apply(next);
  }
}

// Many small writes in one round, each of which stages, looks and takes back: no more work for the ones that come late.
TEST_F(StagedRecordsTest, the_cost_of_a_write_does_not_grow_with_what_is_in_flight) {
  std::uint64_t next = 1;
  const auto run_writes = [&](int writes) {
    const auto begin = std::clock();
    for (int write = 0; write < writes; ++write) {
      stage(next, "k");
      find("k");
      unstage_from(next);
      stage(next++, "k");
    }
    return std::clock() - begin;
  };
  const auto few = run_writes(2'000);
  const auto many = run_writes(20'000);
  EXPECT_LT(many, 40 * few) << few << " and " << many;
  EXPECT_EQ(find("k"), next - 1);
}

}  // namespace
}  // namespace vibrato::commit
