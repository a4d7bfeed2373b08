#include "simd/sorted_insert.hpp"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "support/instruction_sets.hpp"
#include "unit/simd/guarded_buffer.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kMostKeys = 70;

// Inserts into a copy of `sorted` that has room for exactly one more key, and compares with std::upper_bound.
void expect_insertion(SortedInsert insert, const std::vector<std::uint64_t>& sorted, std::uint64_t key) {
  GuardedBuffer<std::uint64_t> keys(sorted.size() + 1);
  std::copy(sorted.begin(), sorted.end(), keys.data());
  const auto place = std::upper_bound(sorted.begin(), sorted.end(), key);
  std::vector<std::uint64_t> want = sorted;
  want.insert(want.begin() + (place - sorted.begin()), key);

  const std::size_t at = insert(keys.data(), sorted.size(), key);

  EXPECT_EQ(at, static_cast<std::size_t>(place - sorted.begin())) << sorted.size() << " keys, inserting " << key;
  EXPECT_EQ(std::vector<std::uint64_t>(keys.data(), keys.data() + keys.size()), want) << "inserting " << key;
}

class SortedInsertOfEveryIsa : public ::testing::TestWithParam<Isa> {
 protected:
  static SortedInsert tested() { return sorted_insert_for(GetParam()); }
};

TEST_P(SortedInsertOfEveryIsa, finds_every_place_in_arrays_of_every_length) {
  for (std::size_t size = 0; size <= kMostKeys; ++size) {
    std::vector<std::uint64_t> sorted(size);
    for (std::size_t i = 0; i < size; ++i) {
      sorted[i] = 10 * i + 5;
    }
    for (std::size_t place = 0; place <= size; ++place) {
      expect_insertion(tested(), sorted, 10 * place);
    }
  }
}

TEST_P(SortedInsertOfEveryIsa, puts_a_key_behind_its_equals) {
  for (std::size_t size = 1; size <= kMostKeys; ++size) {
    std::vector<std::uint64_t> sorted(size, 7);
    expect_insertion(tested(), sorted, 7);
    sorted.front() = 1;
    sorted.back() = 9;
    expect_insertion(tested(), sorted, 7);
  }
}

TEST_P(SortedInsertOfEveryIsa, compares_as_unsigned) {
  constexpr std::uint64_t kTop = std::uint64_t{1} << 63U;
  const std::vector<std::uint64_t> sorted = {0, 1, kTop - 1, kTop, kTop + 1, ~std::uint64_t{0}};
  for (const std::uint64_t key : {std::uint64_t{0}, kTop - 1, kTop, kTop + 2, ~std::uint64_t{0}}) {
    expect_insertion(tested(), sorted, key);
  }
}

TEST_P(SortedInsertOfEveryIsa, sorts_random_keys) {
  constexpr std::uint32_t kSeed = 17;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  std::vector<std::uint64_t> sorted;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::uint64_t key = random() >> (i % 3 == 0 ? 60U : 0U);
    expect_insertion(tested(), sorted, key);
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), key), key);
  }
}

INSTANTIATE_TEST_SUITE_P(SortedInsert, SortedInsertOfEveryIsa, ::testing::ValuesIn(test::available_isas()),
                         [](const auto& param_info) { return std::string(kernels_for(param_info.param)->name); });

}  // namespace
}  // namespace vibrato::simd
