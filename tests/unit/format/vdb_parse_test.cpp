#include "format/vdb_parse.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "format/vdb_blocks.hpp"
#include "support/vdb_bytes.hpp"

namespace vibrato::format {
namespace {

using test::make_section;
using test::make_vectors;
using test::SectionBytes;
using test::small_vdb;
using test::to_bytes;
using test::VdbBytes;

// What opening and verifying a file checks.
Status parse_and_check_blocks(std::span<const std::byte> file) {
  VIBRATO_ASSIGN_OR_RETURN(const VdbLayout layout, parse_vdb(file));
  return check_vdb_block_range(file, layout, 0, file.size());
}

TEST(ParseVdb, describes_a_file_of_version_3) {
  const VdbBytes vdb = small_vdb();
  const auto layout = parse_vdb(vdb.file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->version, 3U);
  EXPECT_EQ(layout->rows, 3U);
  EXPECT_EQ(layout->dim, 2U);
  EXPECT_EQ(layout->metric, Metric::kDot);
  EXPECT_EQ(layout->row_stride_bytes, 64U);
  EXPECT_EQ(layout->vectors, (ByteRange{4096, 192}));
  EXPECT_EQ(layout->sections, vdb.entries);
  EXPECT_EQ(layout->file_bytes, vdb.file.size());
  EXPECT_EQ(layout->block_count, 1U);
  ASSERT_NE(layout->find(SectionKind::kMeta), nullptr);
  EXPECT_EQ(layout->find(SectionKind::kMeta)->length, 9U);
  EXPECT_EQ(layout->find(SectionKind::kGraph), nullptr);
  EXPECT_TRUE(parse_and_check_blocks(vdb.file).ok());
}

TEST(ParseVdb, accepts_a_file_without_rows) {
  const VdbBytes vdb(0, 4, Metric::kL2, {make_vectors(0, 4)});
  const auto layout = parse_vdb(vdb.file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->rows, 0U);
  EXPECT_TRUE(parse_and_check_blocks(vdb.file).ok());
}

TEST(ParseVdb, refuses_a_small_file_cut_at_any_byte) {
  const VdbBytes vdb = small_vdb();
  for (std::size_t size = 0; size < vdb.file.size(); ++size) {
    ASSERT_EQ(parse_vdb(std::span(vdb.file).first(size)).status().code(), ErrorCode::kCorruption) << size;
  }
}

TEST(ParseVdb, refuses_a_file_with_bytes_behind_its_end) {
  VdbBytes vdb = small_vdb();
  vdb.file.push_back(std::byte{0});
  EXPECT_EQ(parse_vdb(vdb.file).status().code(), ErrorCode::kCorruption);
}

TEST(ParseVdb, refuses_what_is_no_vdb_file) {
  const std::string text = "#!/usr/bin/env bash\necho this is a script, not vectors\n";
  const auto status = parse_vdb(std::as_bytes(std::span(text))).status();
  EXPECT_EQ(status.code(), ErrorCode::kCorruption);
  EXPECT_EQ(status.message(),
            "offset 0: magic of a .vdb file: expected VIBDB001, VIBDB002 or VIBDB003, found other bytes");
  EXPECT_EQ(parse_vdb({}).status().code(), ErrorCode::kCorruption);
}

TEST(ParseVdb, finds_every_bit_flip_in_a_small_file) {
  VdbBytes vdb = small_vdb();
  for (std::size_t bit = 0; bit < vdb.file.size() * 8; ++bit) {
    vdb.file[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(parse_and_check_blocks(vdb.file).ok()) << "bit " << bit;
    vdb.file[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_TRUE(parse_and_check_blocks(vdb.file).ok());
}

TEST(ParseVdb, refuses_hostile_places_and_counts_under_valid_checksums) {
  const auto base = small_vdb();
  const std::uint64_t table = base.header.section_table_offset;
  const std::uint64_t values[] = {0,
                                  1,
                                  63,
                                  64,
                                  127,
                                  table - 1,
                                  table + 1,
                                  table + 64,
                                  std::uint64_t{1} << 32,
                                  std::uint64_t{1} << 63,
                                  ~std::uint64_t{0},
                                  ~std::uint64_t{63},
                                  ~std::uint64_t{4095}};
  for (const std::size_t field : {16U, 48U, 56U, 64U}) {
    for (const std::uint64_t value : values) {
      VdbBytes vdb = base;
      if (load_le<std::uint64_t>(vdb.file, field) == value) {
        continue;
      }
      vdb.set_header(field, value);
      ASSERT_EQ(parse_vdb(vdb.file).status().code(), ErrorCode::kCorruption) << field << " = " << value;
    }
  }
  for (const std::uint32_t count : {0U, 1U, 2U, 4U, 63U, 64U}) {
    VdbBytes vdb = base;
    vdb.set_header(44, count);
    ASSERT_FALSE(parse_vdb(vdb.file).ok()) << count << " sections";
  }
  for (const std::uint64_t rows :
       {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{limits::kRowsPerSegmentMax}}) {
    VdbBytes vdb = base;
    vdb.set_header(24, rows);
    ASSERT_EQ(parse_vdb(vdb.file).status().code(), ErrorCode::kCorruption) << rows << " rows";
  }
  VdbBytes wide = base;
  wide.set_header(32, std::uint32_t{limits::kDimMax});
  EXPECT_EQ(parse_vdb(wide.file).status().code(), ErrorCode::kCorruption);
}

TEST(ParseVdb, refuses_sections_out_of_range_order_or_alignment) {
  const auto base = small_vdb();
  const std::uint64_t table = base.header.section_table_offset;
  constexpr std::size_t kOffset = 16;
  constexpr std::size_t kLength = 24;
  const struct {
    const char* name;
    std::size_t entry;
    std::size_t field;
    std::uint64_t value;
  } cases[] = {
      {"over the header", 0, kOffset, 0},
      {"misaligned vectors", 0, kOffset, 4160},
      {"over the section before", 1, kOffset, 4096},
      {"behind the section after", 1, kOffset, 8192},
      {"misaligned", 1, kOffset, 4292},
      {"at the table", 2, kOffset, table},
      {"past the table", 2, kOffset, table + 64},
      {"far away", 2, kOffset, ~std::uint64_t{63}},
      {"longer than the content", 2, kLength, table},
      {"as long as can be", 2, kLength, ~std::uint64_t{0}},
      {"vectors a row short", 0, kLength, 128},
      {"vectors a byte short", 0, kLength, 191},
      {"offsets one short", 1, kLength, 24},
      {"offsets of no length", 1, kLength, 0},
  };
  for (const auto& item : cases) {
    VdbBytes vdb = base;
    vdb.set_entry(item.entry, item.field, item.value);
    const auto status = parse_vdb(vdb.file).status();
    EXPECT_EQ(status.code(), ErrorCode::kCorruption) << item.name << ": " << status.message();
  }
}

TEST(ParseVdb, refuses_a_second_section_of_a_kind) {
  const VdbBytes vdb(
      1, 1, Metric::kDot,
      {make_vectors(1, 1), make_section(SectionKind::kBuildInfo, {}), make_section(SectionKind::kBuildInfo, {})});
  EXPECT_EQ(parse_vdb(vdb.file).status().code(), ErrorCode::kCorruption);
}

TEST(ParseVdb, refuses_a_file_without_vectors_and_meta_without_its_offsets) {
  const VdbBytes none(1, 1, Metric::kDot, {make_section(SectionKind::kBuildInfo, {})});
  EXPECT_EQ(parse_vdb(none.file).status().code(), ErrorCode::kCorruption);
  const VdbBytes half(1, 1, Metric::kDot, {make_vectors(1, 1), make_section(SectionKind::kMeta, {})});
  EXPECT_EQ(parse_vdb(half.file).status().code(), ErrorCode::kCorruption);
}

TEST(ParseVdb, takes_rows_that_were_dropped_behind_their_codes_and_refuses_them_without_codes) {
  const SectionBytes dropped = make_section(SectionKind::kVectors, {}, kVdbVectorsAlignment);
  const SectionBytes quantizer = make_section(SectionKind::kQuantizer, std::vector<std::byte>(64));
  const SectionBytes codes = make_section(SectionKind::kCodes, std::vector<std::byte>(9));
  const VdbBytes both(3, 8, Metric::kDot, {dropped, quantizer, codes});
  const auto layout = parse_vdb(both.file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_FALSE(layout->has_vectors());
  EXPECT_EQ(layout->rows, 3U);
  EXPECT_EQ(layout->vectors.length, 0U);
  for (const auto& sections :
       std::vector<std::vector<SectionBytes>>{{dropped}, {dropped, quantizer}, {dropped, codes}}) {
    const VdbBytes incomplete(3, 8, Metric::kDot, sections);
    EXPECT_EQ(parse_vdb(incomplete.file).status().code(), ErrorCode::kCorruption);
  }
  const VdbBytes empty(0, 8, Metric::kDot, {dropped});
  ASSERT_TRUE(parse_vdb(empty.file).ok());
  EXPECT_TRUE(parse_vdb(empty.file)->has_vectors());
}

TEST(ParseVdb, skips_optional_sections_it_does_not_know_and_refuses_required_ones) {
  SectionBytes unknown = make_section(SectionKind::kBuildInfo, std::vector<std::byte>(100));
  unknown.entry.kind = 4711;
  const VdbBytes optional(1, 1, Metric::kDot, {make_vectors(1, 1), unknown});
  const auto layout = parse_vdb(optional.file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->sections.size(), 1U);
  EXPECT_EQ(layout->skipped_sections, 1U);

  unknown.entry.required = true;
  const VdbBytes required(1, 1, Metric::kDot, {make_vectors(1, 1), unknown});
  EXPECT_EQ(parse_vdb(required.file).status().code(), ErrorCode::kInvalidArgument);
}

TEST(ParseVdb, skips_newer_versions_of_optional_sections_and_refuses_those_of_required_ones) {
  SectionBytes graph = make_section(SectionKind::kGraph, std::vector<std::byte>(100));
  graph.entry.version = 9;
  const auto layout = parse_vdb(VdbBytes(1, 1, Metric::kDot, {make_vectors(1, 1), graph}).file);
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->find(SectionKind::kGraph), nullptr);

  SectionBytes vectors = make_vectors(1, 1);
  vectors.entry.version = 2;
  EXPECT_EQ(parse_vdb(VdbBytes(1, 1, Metric::kDot, {vectors}).file).status().code(), ErrorCode::kInvalidArgument);
  vectors.entry.required = false;
  EXPECT_EQ(parse_vdb(VdbBytes(1, 1, Metric::kDot, {vectors}).file).status().code(), ErrorCode::kInvalidArgument);
}

// A build that ignored these would answer with deleted rows or with row numbers in place of ids.
TEST(ParseVdb, refuses_unknown_versions_of_sections_that_change_what_an_answer_means) {
  for (const SectionKind kind : {SectionKind::kDeleted, SectionKind::kIds, SectionKind::kRowLsns}) {
    SectionBytes section = make_section(kind, std::vector<std::byte>(8));
    section.entry.version = 2;
    const VdbBytes vdb(1, 1, Metric::kDot, {make_vectors(1, 1), section});
    EXPECT_EQ(parse_vdb(vdb.file).status().code(), ErrorCode::kInvalidArgument) << to_string(kind);
  }
}

TEST(VdbBlocks, cover_every_byte_of_the_content_once) {
  for (const std::size_t content : {0U, 1U, 61'440U, 61'441U, 200'000U}) {
    const VdbBytes vdb(0, 1, Metric::kDot,
                       {make_vectors(0, 1), make_section(SectionKind::kBuildInfo, std::vector<std::byte>(content))});
    const auto layout = parse_vdb(vdb.file);
    ASSERT_TRUE(layout.ok()) << layout.status().message();
    std::uint64_t next = kVdbHeaderBytes;
    for (std::uint64_t block = 0; block < layout->block_count; ++block) {
      const ByteRange range = vdb_block_range(*layout, block);
      EXPECT_EQ(range.offset, next);
      EXPECT_GT(range.length, 0U);
      EXPECT_LE(range.length, kVdbBlockBytes);
      next += range.length;
    }
    EXPECT_EQ(next, layout->section_table_offset) << content;
  }
}

TEST(VdbBlocks, name_the_first_damaged_block_and_spare_the_others) {
  VdbBytes vdb(0, 1, Metric::kDot,
               {make_vectors(0, 1), make_section(SectionKind::kBuildInfo, std::vector<std::byte>(300'000))});
  const auto layout = parse_vdb(vdb.file);
  ASSERT_TRUE(layout.ok());
  vdb.file[2 * 65536 + 5] ^= std::byte{4};
  vdb.file[3 * 65536] ^= std::byte{4};
  const Status damaged = check_vdb_block_range(vdb.file, *layout, 0, vdb.file.size());
  EXPECT_EQ(damaged.code(), ErrorCode::kCorruption);
  EXPECT_EQ(damaged.message().find("offset 131072: block checksum: expected 0x"), 0U) << damaged.message();
  EXPECT_TRUE(check_vdb_block_range(vdb.file, *layout, 0, 2 * 65536).ok());
  EXPECT_FALSE(check_vdb_block_range(vdb.file, *layout, 0, 2 * 65536 + 1).ok());
  EXPECT_FALSE(check_vdb_block_range(vdb.file, *layout, 4 * 65536 - 1, 1).ok());
  EXPECT_TRUE(check_vdb_block_range(vdb.file, *layout, 4 * 65536, ~std::uint64_t{0}).ok());
  EXPECT_TRUE(check_vdb_block_range(vdb.file, *layout, ~std::uint64_t{0}, ~std::uint64_t{0}).ok());
  EXPECT_TRUE(check_vdb_block_range(vdb.file, *layout, 2 * 65536, 0).ok());
}

TEST(ParseVdb, gives_ranges_within_the_file_whatever_is_damaged_under_valid_checksums) {
  const std::uint64_t seed = 20'240'501;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto base = small_vdb();
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    VdbBytes vdb = base;
    const bool in_table = random.chance(0.5);
    const std::uint64_t begin = in_table ? vdb.header.section_table_offset : 8;
    const std::uint64_t size = in_table ? vdb.entries.size() * kVdbSectionEntryBytes : 92;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      vdb.file[begin + random.below(size)] = static_cast<std::byte>(random.below(256));
    }
    if (in_table) {
      vdb.seal_table();
    } else {
      vdb.seal_header();
    }
    const auto layout = parse_vdb(vdb.file);
    if (!layout.ok()) {
      continue;
    }
    ++accepted;
    for (const SectionEntry& section : layout->sections) {
      ASSERT_LE(section.offset, vdb.file.size());
      ASSERT_LE(section.length, vdb.file.size() - section.offset);
      ASSERT_EQ(section.offset % 64, 0U);
    }
    ASSERT_EQ(layout->vectors.length, layout->has_vectors() ? layout->rows * layout->row_stride_bytes : 0);
    ASSERT_LE(layout->vectors.offset + layout->vectors.length, vdb.file.size());
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace vibrato::format
