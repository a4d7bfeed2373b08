// Searches over damaged bytes end, stay in bounds (run under AddressSanitizer) and give rows that exist.
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "base/random.hpp"
#include "hnsw/searcher.hpp"
#include "hnsw/validator.hpp"
#include "support/graph_arrays.hpp"
#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::hnsw {
namespace {

using quant::CodeKind;
using test::GraphIndex;
using test::GraphSection;
using test::IndexOptions;
using test::MadeRows;

constexpr std::uint32_t kDamagedRows = 300;
constexpr std::uint32_t kFlips = 2'000;

IndexOptions damaged_options_of(Metric metric, CodeKind kind) {
  IndexOptions options;
  options.metric = metric;
  options.kind = kind;
  options.graph.m = 4;
  options.graph.ef_construction = 30;
  return options;
}

// One bit, one byte, one word or a run of words, anywhere.
void damage(std::span<std::byte> bytes, Random& random) {
  const std::size_t at = random.below(bytes.size());
  switch (random.below(4)) {
    case 0:
      bytes[at] ^= std::byte{1} << random.below(8);
      return;
    case 1:
      bytes[at] = static_cast<std::byte>(random.below(256));
      return;
    case 2: {
      constexpr std::uint32_t kWords[] = {0,          1,          kDamagedRows - 1, kDamagedRows, kDamagedRows + 1,
                                          0x7fffffff, 0x80000000, 0xfffffffe};
      const std::uint32_t word = kWords[random.below(std::size(kWords))];
      std::memcpy(bytes.data() + std::min(at / 4 * 4, bytes.size() - 4), &word, sizeof(word));
      return;
    }
    default:
      for (std::size_t i = at; i < std::min(bytes.size(), at + 64); ++i) {
        bytes[i] = static_cast<std::byte>(random.below(256));
      }
  }
}

void expect_sound(const std::vector<Hit>& hits, std::uint32_t k) {
  ASSERT_LE(hits.size(), k);
  for (const Hit& hit : hits) {
    ASSERT_LT(hit.row, kDamagedRows);
  }
}

struct Outcome {
  std::uint32_t parsed = 0;
  std::uint32_t whole = 0;
};

// Searches and validates what damaged sections hold, if they parse.
Outcome search_damaged_sections(GraphIndex& index, std::uint32_t flips, std::uint64_t seed) {
  Random random(seed);
  const GraphSection section(index.view());
  SearchScratch scratch;
  std::vector<Hit> hits;
  Outcome outcome;
  for (std::uint32_t i = 0; i < flips; ++i) {
    GraphSection damaged = section;
    for (std::uint64_t times = 1 + random.below(4); times > 0; --times) {
      damage(random.chance(0.3) ? damaged.bytes().first(64) : damaged.bytes(), random);
    }
    const auto view = format::parse_graph_section(damaged.bytes(), kDamagedRows, "a.vdb", 4096);
    if (!view.ok()) {
      EXPECT_EQ(view.status().code(), ErrorCode::kCorruption);
      EXPECT_NE(view.status().message().find("a.vdb: graph section at offset 4096"), std::string::npos);
      continue;
    }
    ++outcome.parsed;
    outcome.whole += validate_graph(*view).ok() ? 1 : 0;
    SearchParams params;
    params.ef = 40;
    search(GraphIndex::kernels(), *view, index.space(), index.rows().row(i % kDamagedRows), params, scratch, hits);
    expect_sound(hits, params.k);
  }
  return outcome;
}

TEST(DamagedGraph, is_refused_or_searched_in_bounds) {
  constexpr std::uint64_t kSeed = 2'021;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const MadeRows rows = test::gaussian_rows(kDamagedRows, 10, 1);
  for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq4}) {
    GraphIndex index(rows, damaged_options_of(Metric::kL2, kind));
    index.build();
    const Outcome outcome = search_damaged_sections(index, kFlips, kSeed);
    EXPECT_GT(outcome.parsed, kFlips / 2);
    EXPECT_LT(outcome.parsed, kFlips * 95 / 100);
    EXPECT_LT(outcome.whole, outcome.parsed / 2);
  }
}

TEST(DamagedGraph, of_any_length_is_refused_unless_it_is_whole) {
  const MadeRows rows = test::gaussian_rows(40, 4, 1);
  GraphIndex index(rows, damaged_options_of(Metric::kL2, CodeKind::kNone));
  index.build();
  GraphSection section(index.view());
  const std::span<const std::byte> bytes = section.bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 80 ? 1 : 7) {
    GraphSection cut(bytes.first(size));
    EXPECT_FALSE(format::parse_graph_section(cut.bytes(), 40, "a.vdb", 0).ok()) << size << " bytes";
  }
  EXPECT_TRUE(format::parse_graph_section(bytes, 40, "a.vdb", 0).ok());
  EXPECT_FALSE(format::parse_graph_section(bytes, 41, "a.vdb", 0).ok());
}

// Rows and codes are not trusted either: numbers of any bits, also none.
TEST(DamagedCodes, are_searched_in_bounds) {
  constexpr std::uint64_t kSeed = 2'022;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  const MadeRows rows = test::gaussian_rows(kDamagedRows, 10, 1);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    for (const CodeKind kind : {CodeKind::kSq8, CodeKind::kSq4}) {
      GraphIndex index(rows, damaged_options_of(metric, kind));
      index.build();
      const simd::CodeRows whole = index.space().codes;
      std::vector<std::byte> codes(whole.base, whole.base + kDamagedRows * whole.stride_bytes);
      index.space().codes.base = codes.data();
      for (std::uint32_t i = 0; i < kFlips / 4; ++i) {
        damage(codes, random);
        const std::uint32_t bits =
            0x7f800000U | static_cast<std::uint32_t>(random.next_u64());  // Infinite or no number.
        const std::size_t row = random.below(kDamagedRows);
        std::memcpy(codes.data() + row * whole.stride_bytes + whole.code_bytes + 4 * random.below(3), &bits, 4);
        SearchParams params;
        params.slack = i % 2 == 0 ? 0.1F : std::numeric_limits<float>::infinity();
        expect_sound(index.search(rows.row(i % kDamagedRows), params), params.k);
      }
    }
  }
}

TEST(DamagedRows, are_searched_in_bounds) {
  MadeRows rows = test::gaussian_rows(kDamagedRows, 10, 1);
  for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq4}) {
    GraphIndex index(rows, damaged_options_of(Metric::kCosine, kind));
    index.build();
    const MadeRows queries = rows;
    Random random(3);
    for (std::uint32_t i = 0; i < kDamagedRows; ++i) {
      rows.row(i)[random.below(10)] =
          i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
      expect_sound(index.search(queries.row(i), {}), 10);
    }
    rows = queries;
  }
}

}  // namespace
}  // namespace vibrato::hnsw
