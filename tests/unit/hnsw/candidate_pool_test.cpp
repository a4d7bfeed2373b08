// The pool against a plain sorted list that does the same, one operation at a time.
#include "hnsw/candidate_pool.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/random.hpp"

namespace vibrato::hnsw {
namespace {

// What CandidatePool promises, as slow and plain as can be.
class PlainPool {
 public:
  struct Entry {
    float distance;
    std::uint32_t id;
    bool expanded;
  };

  explicit PlainPool(std::size_t capacity) : capacity_(capacity) {}

  void insert(float distance, std::uint32_t id) {
    entries_.push_back({distance, id, false});
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
    });
    entries_.resize(std::min(entries_.size(), capacity_));
  }

  std::vector<std::uint32_t> take(std::size_t count, float bound, bool mark) {
    std::vector<std::uint32_t> taken;
    for (Entry& entry : entries_) {
      if (!entry.expanded && taken.size() < count) {
        if (entry.distance > bound) {
          break;
        }
        taken.push_back(entry.id);
        entry.expanded = mark;
      }
    }
    return taken;
  }

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::size_t capacity_;
  std::vector<Entry> entries_;
};

void expect_same(const CandidatePool& pool, const PlainPool& plain, std::size_t capacity) {
  const auto& entries = plain.entries();
  ASSERT_EQ(pool.size(), entries.size());
  ASSERT_EQ(pool.full(), entries.size() == capacity);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ASSERT_EQ(pool.distance(i), entries[i].distance);
    ASSERT_EQ(pool.id(i), entries[i].id);
  }
  const bool full = entries.size() == capacity;
  ASSERT_EQ(pool.worst(), full ? entries.back().distance : CandidatePool::kInfinity);
  for (std::size_t k = 1; k <= capacity + 1; ++k) {
    ASSERT_EQ(pool.kth(k), k <= entries.size() ? entries[k - 1].distance : CandidatePool::kInfinity);
  }
}

// Distances from few values, so that ties are common, of both signs.
float draw_distance(Random& random) {
  constexpr float kSpecial[] = {0.0F, -0.0F, CandidatePool::kInfinity, -3e38F, 1e-42F, -1e-42F};
  if (random.chance(0.1)) {
    return kSpecial[random.below(std::size(kSpecial))];
  }
  return static_cast<float>(static_cast<double>(random.below(40)) - 20.0) * 0.25F;
}

void run_against_plain_pool(CandidatePool& pool, std::size_t capacity, Random& random) {
  pool.reset(capacity);
  PlainPool plain(capacity);
  std::vector<std::uint32_t> out(16);
  std::uint32_t next_id = 0;
  for (int step = 0; step < 300; ++step) {
    if (random.chance(0.7)) {
      // Ids ascend and jump, up to the highest there are.
      const std::uint32_t id = random.chance(0.01) ? 0x7fffffffU - next_id : 7 * next_id;
      ++next_id;
      const float distance = draw_distance(random);
      pool.insert(distance, id);
      plain.insert(distance, id);
    } else {
      const std::size_t count = 1 + random.below(8);
      const float bound = random.chance(0.5) ? CandidatePool::kInfinity : draw_distance(random);
      const std::size_t peeked = pool.peek(count, out.data());
      ASSERT_EQ(std::vector(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(peeked)),
                plain.take(count, CandidatePool::kInfinity, false));
      const std::size_t taken = pool.take(count, bound, out.data());
      ASSERT_EQ(std::vector(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(taken)),
                plain.take(count, bound, true));
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(pool, plain, capacity));
  }
}

TEST(CandidatePool, does_what_a_sorted_list_does) {
  constexpr std::uint64_t kSeed = 4'711;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  CandidatePool pool;
  for (const std::size_t capacity : {1U, 2U, 3U, 7U, 8U, 9U, 16U, 31U, 64U, 100U, 257U}) {
    for (int round = 0; round < 8; ++round) {
      SCOPED_TRACE("capacity " + std::to_string(capacity) + ", round " + std::to_string(round));
      ASSERT_NO_FATAL_FAILURE(run_against_plain_pool(pool, capacity, random));
    }
  }
}

TEST(CandidatePool, of_one_keeps_the_best) {
  CandidatePool pool;
  pool.reset(1);
  pool.insert(2.0F, 5);
  pool.insert(3.0F, 4);
  EXPECT_EQ(pool.id(0), 5U);
  pool.insert(-1.0F, 9);
  EXPECT_EQ(pool.id(0), 9U);
  pool.insert(-1.0F, 8);
  EXPECT_EQ(pool.id(0), 8U);
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_EQ(pool.worst(), -1.0F);
}

TEST(CandidatePool, takes_a_better_candidate_that_came_after_the_cursor_passed) {
  CandidatePool pool;
  pool.reset(4);
  std::uint32_t id = 0;
  pool.insert(5.0F, 1);
  ASSERT_EQ(pool.take(1, CandidatePool::kInfinity, &id), 1U);
  pool.insert(4.0F, 2);
  ASSERT_EQ(pool.take(1, CandidatePool::kInfinity, &id), 1U);
  EXPECT_EQ(id, 2U);
  EXPECT_EQ(pool.take(1, CandidatePool::kInfinity, &id), 0U);
}

}  // namespace
}  // namespace vibrato::hnsw
