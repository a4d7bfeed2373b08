#include "format/roaring_reader.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <roaring/roaring.h>

namespace vibrato::format {
namespace {

using Rows = std::vector<std::uint32_t>;

// As files hold it: what CRoaring writes.
std::vector<std::byte> stored(const Rows& rows, bool with_runs = true) {
  const std::unique_ptr<roaring_bitmap_t, void (*)(const roaring_bitmap_t*)> bitmap(
      roaring_bitmap_of_ptr(rows.size(), rows.data()), &roaring_bitmap_free);
  if (with_runs) {
    roaring_bitmap_run_optimize(bitmap.get());
  }
  std::vector<std::byte> bytes(roaring_bitmap_portable_size_in_bytes(bitmap.get()));
  roaring_bitmap_portable_serialize(bitmap.get(), reinterpret_cast<char*>(bytes.data()));
  return bytes;
}

Rows rows_of(const RoaringReader& reader) {
  Rows rows;
  reader.append_rows(rows);
  return rows;
}

Rows bits_of(const RoaringReader& reader, std::uint32_t row_count) {
  std::vector<std::uint64_t> words((row_count + 63) / 64);
  reader.set_bits(words);
  Rows rows;
  for (std::uint32_t row = 0; row < words.size() * 64; ++row) {
    if ((words[row / 64] >> (row % 64) & 1) != 0) {
      rows.push_back(row);
    }
  }
  return rows;
}

std::uint32_t below(std::mt19937& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

// Sparse, dense, runs, and containers left out.
Rows some_rows(std::mt19937& random, std::uint32_t row_count) {
  Rows rows;
  for (std::uint32_t first = 0; first < row_count; first += 20'000) {
    const std::uint32_t density = std::array{0U, 1U, 30U, 1000U, 60'000U}[random() % 5];
    for (std::uint32_t row = first; row < std::min(first + 20'000, row_count); ++row) {
      if (random() % 60'000 < density) {
        rows.push_back(row);
      }
    }
  }
  return rows;
}

TEST(RoaringReader, reads_what_croaring_writes) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t row_count = 1 + below(random, 400'000);
    const Rows rows = some_rows(random, row_count);
    for (const bool with_runs : {false, true}) {
      const auto bytes = stored(rows, with_runs);
      const auto reader = RoaringReader::open(bytes, row_count);
      ASSERT_TRUE(reader.ok()) << reader.status().message();
      EXPECT_EQ(rows_of(*reader), rows);
      EXPECT_EQ(bits_of(*reader, row_count), rows);
      for (int draw = 0; draw < 200; ++draw) {
        const std::uint32_t row = below(random, row_count + 10);
        EXPECT_EQ(reader->contains(row), std::binary_search(rows.begin(), rows.end(), row)) << row;
      }
    }
  }
}

TEST(RoaringReader, leaves_out_rows_past_the_bound) {
  const Rows rows{1, 63, 64, 100, 70'000, 70'001, 200'000};
  const auto bytes = stored(rows);
  for (const std::uint32_t bound : {0U, 1U, 2U, 64U, 65U, 70'001U, 150'000U}) {
    Rows below;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(below), [bound](auto row) { return row < bound; });
    const auto reader = RoaringReader::open(bytes, bound);
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(rows_of(*reader), below) << bound;
    EXPECT_EQ(bits_of(*reader, bound), below) << bound;
  }
}

TEST(RoaringReader, is_empty_without_bytes) {
  const RoaringReader reader;
  EXPECT_TRUE(rows_of(reader).empty());
  EXPECT_FALSE(reader.contains(0));
}

TEST(RoaringReader, refuses_every_cut) {
  std::mt19937 random(4);
  const auto bytes = stored(some_rows(random, 200'000));
  for (std::size_t length = 1; length < bytes.size(); length += 1 + length / 50) {
    EXPECT_FALSE(RoaringReader::open(std::span(bytes).first(length), 200'000).ok()) << length;
  }
  auto longer = bytes;
  longer.push_back({});
  EXPECT_FALSE(RoaringReader::open(longer, 200'000).ok());
}

TEST(RoaringReader, gives_rows_below_the_bound_whatever_the_bytes_are) {
  constexpr std::uint32_t kRows = 90'000;
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    auto bytes = stored(some_rows(random, kRows));
    for (int flips = 1 + static_cast<int>(random() % 8); flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= std::byte{static_cast<unsigned char>(1U << random() % 8)};
    }
    const auto reader = RoaringReader::open(bytes, kRows);
    if (!reader.ok()) {
      EXPECT_EQ(reader.status().code(), ErrorCode::kCorruption);
      continue;
    }
    const Rows rows = rows_of(*reader);
    EXPECT_LE(rows.size(), kRows + kRows / 2) << "arrays may repeat rows, within their bytes";
    EXPECT_TRUE(std::all_of(rows.begin(), rows.end(), [](auto row) { return row < kRows; }));
    EXPECT_LE(bits_of(*reader, kRows).size(), kRows);
    static_cast<void>(reader->contains(below(random, kRows)));
  }
}

}  // namespace
}  // namespace vibrato::format
