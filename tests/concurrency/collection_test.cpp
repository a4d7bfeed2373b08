// Readers beside the applier, and beside background work that freezes, seals and merges.
#include "vector/collection.hpp"

#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "support/made_collection.hpp"
#include "support/sanitizers.hpp"
#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kBlocks = 40;
constexpr std::uint32_t kBlockIds = 8;
constexpr std::uint32_t kIds = kBlocks * kBlockIds;
constexpr std::uint32_t kCollectionDim = 20;

// A write is a group: all ids of a block are put with one meta, or deleted. Every block is put in the first round.
class Writer {
 public:
  Writer(test::MadeCollection& made, const test::VectorSet& set) : made_(made), set_(set) {}

  void put(std::uint32_t block) {
    ++groups_;
    for (std::uint32_t i = 0; i < kBlockIds; ++i) {
      made_.put(test::number_id(block * kBlockIds + i), set_.row(static_cast<std::uint32_t>(random_.below(set_.rows))),
                std::to_string(groups_));
    }
    made_.publish();
  }
  void erase(std::uint32_t block) {
    for (std::uint32_t i = 0; i < kBlockIds; ++i) {
      made_.erase(test::number_id(block * kBlockIds + i));
    }
    made_.publish();
  }
  void run(std::uint32_t groups) {
    for (std::uint32_t i = 0; i < groups && !::testing::Test::HasFailure(); ++i) {
      const auto block = static_cast<std::uint32_t>(random_.below(kBlocks));
      if (random_.chance(0.2)) {
        erase(block);
      }
      put(block);
    }
  }

 private:
  test::MadeCollection& made_;
  const test::VectorSet& set_;
  Random random_{1};
  std::uint32_t groups_ = 0;
};

// Whole groups only, each id at most once.
void check_answer(const SearchAnswer& answer) {
  std::map<std::uint64_t, std::string> meta_of;
  for (const PointHit& hit : answer.hits) {
    const auto meta = hit.segment->meta_json(hit.row);
    ASSERT_OK(meta);
    ASSERT_TRUE(meta_of.emplace(hit.id.number, *meta).second) << "id " << hit.id.number << " twice";
  }
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    const auto first = meta_of.find(block * kBlockIds);
    for (std::uint64_t id = block * kBlockIds; id < (block + 1) * kBlockIds; ++id) {
      const auto found = meta_of.find(id);
      ASSERT_EQ(found == meta_of.end(), first == meta_of.end()) << "half a group: id " << id;
      if (found != meta_of.end()) {
        ASSERT_EQ(found->second, first->second) << "ids of two groups: id " << id;
      }
    }
  }
  // One writer: at most one block is between its delete and its put.
  ASSERT_GE(answer.hits.size(), kIds - kBlockIds);
}

void read_until(const std::atomic<bool>& done, const test::MadeCollection& made, const test::VectorSet& set,
                std::uint64_t seed) {
  Random random(seed);
  const Collection& collection = *made;
  while (!done.load() && !::testing::Test::HasFailure()) {
    const auto query = set.row(static_cast<std::uint32_t>(random.below(set.rows)));
    SearchRequest request;
    request.vector = query;
    request.exact = random.chance(0.3);
    request.k = kIds + 5;
    const auto all = collection.search(request);
    ASSERT_OK(all);
    check_answer(*all);
    request.k = 10;
    const auto few = collection.search(request);
    ASSERT_OK(few);
    ASSERT_EQ(few->hits.size(), 10U);
    const auto id = random.below(kIds);
    const auto point = collection.get(test::number_id(id));
    ASSERT_OK(point);
    if (*point) {
      ASSERT_EQ((*point)->id.number, id);
      ASSERT_EQ((*point)->vector.size(), kCollectionDim);
    }
    ASSERT_GE(collection.info().segments, 1U);
  }
}

TEST(CollectionThreads, show_whole_groups_and_every_id_once_whatever_goes_on_behind) {
  const auto set = test::make_vectors(500, kCollectionDim, 1);
  test::MadeCollection made(test::small_settings(kCollectionDim, Metric::kL2), 1500 * kCollectionDim * sizeof(float));
  Writer writer(made, set);
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    writer.put(block);
  }
  std::atomic<bool> written{false};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    readers.emplace_back([&, seed] { read_until(done, made, set, seed); });
  }
  std::thread background([&] {
    std::uint32_t seals = 0;
    while (!written.load() && !::testing::Test::HasFailure()) {
      const auto version = made->read_view().version;
      if (version->hot != nullptr) {
        (void)version->hot->index_step(300);
      }
      made.seal();
      if (++seals % 3 == 0) {
        made.merge(0, made->read_view().version->sealed.size());
      }
    }
  });
  writer.run(test::kSanitized ? 300 : 6000);
  written.store(true);
  background.join();
  done.store(true);
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(made->info().live_count, kIds);
}

TEST(CollectionThreads, index_a_part_while_it_is_written_and_searched) {
  constexpr std::uint32_t kRows = 4000;
  const auto set = test::make_vectors(kRows, kCollectionDim, 1);
  test::MadeCollection made(test::small_settings(kCollectionDim, Metric::kCosine));
  std::atomic<bool> done{false};
  std::thread indexer([&] {
    while (!done.load()) {
      const auto hot = made->read_view().version->hot;
      if (hot == nullptr || !hot->index_step(200)) {
        std::this_thread::yield();
      }
    }
  });
  std::thread reader([&] {
    const Collection& collection = *made;
    for (std::uint32_t q = 0; !done.load() && !::testing::Test::HasFailure(); ++q) {
      SearchRequest request;
      request.vector = set.row(q % kRows);
      request.k = 1 + q % 20;
      const ReadView before = collection.read_view();
      const auto answer = collection.search(request);
      ASSERT_OK(answer);
      const std::uint64_t visible_rows = before.version->hot == nullptr ? 0 : before.visible.value();
      ASSERT_GE(answer->hits.size(), std::min<std::uint64_t>(request.k, visible_rows));
      for (const PointHit& hit : answer->hits) {
        ASSERT_LE(hit.segment->row_lsn(hit.row), collection.read_view().visible);
      }
    }
  });
  for (std::uint32_t row = 0; row < kRows; ++row) {
    made.put(test::number_id(row), set.row(row));
    made.publish();
  }
  while (made->tail_bytes() > 0) {
    std::this_thread::yield();
  }
  done.store(true);
  indexer.join();
  reader.join();
  EXPECT_GE(made->info().indexed_count, kRows - 256U);
}

}  // namespace
}  // namespace vibrato::vector
