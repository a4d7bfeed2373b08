#include "format/vdb_legacy.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "base/limits.hpp"
#include "format/legacy_meta.hpp"
#include "format/vdb_blocks.hpp"
#include "format/vdb_parse.hpp"
#include "support/vdb_legacy_bytes.hpp"

namespace vibrato::format {
namespace {

using test::LegacyMeta;
using test::make_vdb_version_1;
using test::make_vdb_version_2;

const std::vector<LegacyMeta> kMetas = {{"song.wav", 1500, 250, 120.1F, "rock, live,,"}, {}, {"", 0, 0, 0, "x"}};

std::string meta_of(const std::vector<std::byte>& file, std::uint64_t row) {
  const auto layout = parse_vdb(file);
  if (!layout.ok()) {
    return layout.status().message();
  }
  const auto text = legacy_meta_json(file, layout->legacy_meta.value(), row);
  return text.ok() ? text.value() : text.status().message();
}

TEST(VdbVersion1, is_read_as_unpadded_rows_under_dot) {
  const auto file = make_vdb_version_1(3, 5);
  const auto layout = parse_vdb(file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->version, 1U);
  EXPECT_EQ(layout->rows, 3U);
  EXPECT_EQ(layout->dim, 5U);
  EXPECT_EQ(layout->metric, Metric::kDot);
  EXPECT_EQ(layout->row_stride_bytes, 20U);
  EXPECT_EQ(layout->vectors, (ByteRange{16, 60}));
  EXPECT_FALSE(layout->legacy_meta.has_value());
  EXPECT_TRUE(check_vdb_block_range(file, *layout, 0, file.size()).ok());
}

TEST(VdbVersion1, is_refused_when_cut_or_longer_than_its_count_says) {
  auto file = make_vdb_version_1(3, 5);
  for (std::size_t size = 0; size < file.size(); ++size) {
    ASSERT_EQ(parse_vdb(std::span(file).first(size)).status().code(), ErrorCode::kCorruption) << size;
  }
  file.resize(file.size() + 20);
  EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption);
}

// The old writer puts a zero count first and the real one last.
TEST(VdbVersion1, is_refused_when_its_writer_never_finished) {
  auto file = make_vdb_version_1(3, 5);
  store_le(std::span(file), 8, std::uint32_t{0});
  EXPECT_EQ(parse_vdb(file).status().message(), "offset 8: file length: expected 16 for 0 rows, found 76");
}

TEST(VdbVersion1, is_refused_with_hostile_counts) {
  for (const std::uint32_t rows : {4U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    auto file = make_vdb_version_1(3, 5);
    store_le(std::span(file), 8, rows);
    EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption) << rows;
  }
  for (const std::uint32_t dim : {0U, 4U, 6U, limits::kDimMax + 1, 0xffffffffU}) {
    auto file = make_vdb_version_1(3, 5);
    store_le(std::span(file), 12, dim);
    EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption) << dim;
  }
}

TEST(VdbVersion2, is_read_with_its_metadata_and_its_graph_is_left_alone) {
  const auto file = make_vdb_version_2(3, 2, kMetas, "VIBGRAPH and so on");
  const auto layout = parse_vdb(file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->version, 2U);
  EXPECT_EQ(layout->rows, 3U);
  EXPECT_EQ(layout->dim, 2U);
  EXPECT_EQ(layout->row_stride_bytes, 8U);
  EXPECT_EQ(layout->vectors, (ByteRange{64, 24}));
  EXPECT_TRUE(layout->legacy_graph);
  ASSERT_TRUE(layout->legacy_meta.has_value());
  EXPECT_EQ(layout->legacy_meta->offset, 88U);
  EXPECT_EQ(layout->legacy_meta->offset + layout->legacy_meta->length, file.size() - 18);
}

TEST(VdbVersion2, is_read_without_metadata_and_graph) {
  const auto layout = parse_vdb(make_vdb_version_2(3, 2));
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_FALSE(layout->legacy_graph);
  EXPECT_FALSE(layout->legacy_meta.has_value());
}

TEST(VdbVersion2, gives_metadata_as_json_with_the_known_field_names) {
  const auto file = make_vdb_version_2(3, 2, kMetas);
  EXPECT_EQ(meta_of(file, 0),
            R"({"source_file":"song.wav","start_time_ms":1500,"duration_ms":250,"bpm":120.1,"tags":["rock","live"]})");
  EXPECT_EQ(meta_of(file, 1), "");
  EXPECT_EQ(meta_of(file, 2), R"({"source_file":"","start_time_ms":0,"duration_ms":0,"bpm":0.0,"tags":["x"]})");
}

TEST(VdbVersion2, escapes_and_repairs_metadata_that_is_no_valid_text) {
  const std::vector<LegacyMeta> metas = {{"a\"b\n\xc3", 0, 0, std::numeric_limits<float>::quiet_NaN(), "\xff"}};
  EXPECT_EQ(meta_of(make_vdb_version_2(1, 2, metas), 0),
            "{\"source_file\":\"a\\\"b\\n\xef\xbf\xbd\",\"start_time_ms\":0,\"duration_ms\":0,\"bpm\":null,"
            "\"tags\":[\"\xef\xbf\xbd\"]}");
}

TEST(VdbVersion2, refuses_pq_containers_in_plain_words) {
  auto by_flag = make_vdb_version_2(1, 2);
  store_le(std::span(by_flag), 12, std::uint32_t{1});
  auto by_subspaces = make_vdb_version_2(1, 2);
  store_le(std::span(by_subspaces), 24, std::uint32_t{1});
  for (const auto& file : {by_flag, by_subspaces}) {
    EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(parse_vdb(file).status().message().find("PQ codes"), std::string::npos);
  }
}

TEST(VdbVersion2, refuses_hostile_offsets) {
  const auto good = make_vdb_version_2(3, 2, kMetas, "VIBGRAPH");
  const std::uint64_t values[] = {
      1, 63, 80, good.size() + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{63}};
  for (const std::size_t field : {28U, 44U, 52U}) {
    for (const std::uint64_t value : values) {
      auto file = good;
      store_le(std::span(file), field, value);
      EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption) << field << " = " << value;
    }
  }
}

TEST(VdbVersion2, refuses_metadata_of_another_row_count_or_with_strings_outside_its_pool) {
  const auto good = make_vdb_version_2(3, 2, kMetas);
  for (const std::uint32_t count : {0U, 2U, 4U, 0xffffffffU}) {
    auto file = good;
    store_le(std::span(file), 88, count);
    EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption) << count;
  }
  for (const std::uint32_t pool : {0U, 79U, 10'000U, 0xffffffffU}) {
    auto file = good;
    store_le(std::span(file), 92, pool);
    EXPECT_EQ(parse_vdb(file).status().code(), ErrorCode::kCorruption) << pool;
  }
  for (const std::size_t field : {0U, 16U}) {
    auto file = good;
    store_le(std::span(file), 96 + field, std::uint32_t{0xfffffff0});
    EXPECT_NE(meta_of(file, 0).find("metadata string: expected a range within the pool"), std::string::npos);
  }
  auto longer = good;
  store_le(std::span(longer), 96 + 4, std::uint16_t{0xffff});
  EXPECT_NE(meta_of(longer, 0).find("metadata string: expected a range within the pool"), std::string::npos);
}

// Without checksums damage may go unseen; it must never lead outside the file.
TEST(VdbVersions1And2, give_ranges_within_the_file_for_any_cut_and_any_changed_byte) {
  for (const auto& good : {make_vdb_version_1(3, 2), make_vdb_version_2(3, 2, kMetas, "VIBGRAPH")}) {
    const auto check = [](std::span<const std::byte> file) {
      const auto layout = parse_vdb(file);
      if (!layout.ok()) {
        return;
      }
      ASSERT_EQ(layout->vectors.length, layout->rows * layout->dim * 4);
      ASSERT_LE(layout->vectors.offset, file.size());
      ASSERT_LE(layout->vectors.length, file.size() - layout->vectors.offset);
      for (std::uint64_t row = 0; layout->legacy_meta && row < layout->rows; ++row) {
        static_cast<void>(legacy_meta_json(file, *layout->legacy_meta, row));
      }
    };
    for (std::size_t size = 0; size <= good.size(); ++size) {
      const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      check(cut);
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        auto changed = good;
        changed[at] = static_cast<std::byte>(value);
        check(changed);
      }
    }
  }
}

}  // namespace
}  // namespace vibrato::format
