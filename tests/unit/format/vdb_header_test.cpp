#include "format/vdb_header.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "base/crc32c.hpp"
#include "base/limits.hpp"

namespace vibrato::format {
namespace {

VdbHeader example_header() {
  VdbHeader header;
  header.file_bytes = 0x1122334455667788;
  header.rows = 1000;
  header.dim = 768;
  header.metric = Metric::kL2;
  header.section_count = 7;
  header.section_table_offset = 4096;
  header.block_table_offset = 5000;
  header.block_count = 1;
  header.first_lsn = 11;
  header.last_lsn = 12;
  header.section_table_crc = 0xdeadbeef;
  header.block_table_crc = 0x01020304;
  return header;
}

TEST(VdbHeader, decodes_to_what_was_encoded) {
  const auto decoded = decode_vdb_header(encode_vdb_header(example_header()));
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(decoded.value(), example_header());
}

TEST(VdbHeader, puts_every_field_where_the_format_page_says) {
  const auto bytes = encode_vdb_header(example_header());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), 8), "VIBDB003");
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 8), 3U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 12), 128U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 16), 0x1122334455667788U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 24), 1000U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 32), 768U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 36), 2U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 40), 0U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 44), 7U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 48), 4096U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 56), 5000U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 64), 1U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 72), 11U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 80), 12U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 88), 0xdeadbeefU);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 92), 0x01020304U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 96), 65536U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 124), crc32c(std::span<const std::byte>(bytes).first(124)));
}

TEST(VdbHeader, refuses_every_single_flipped_bit) {
  const auto good = encode_vdb_header(example_header());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto decoded = decode_vdb_header(bad);
    ASSERT_FALSE(decoded.ok()) << "bit " << bit;
    EXPECT_EQ(decoded.status().code(), ErrorCode::kCorruption) << "bit " << bit;
  }
}

TEST(VdbHeader, refuses_every_shorter_header) {
  const auto good = encode_vdb_header(example_header());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(decode_vdb_header(std::span(good).first(size)).status().code(), ErrorCode::kCorruption) << size;
  }
}

struct HostileField {
  const char* name;
  std::size_t offset;
  std::uint32_t value;
  ErrorCode code;
};

// Each with a checksum that fits, so that only the field itself can be found.
TEST(VdbHeader, refuses_hostile_fields_under_a_valid_checksum) {
  const HostileField fields[] = {
      {"format version 4", 8, 4, ErrorCode::kInvalidArgument},
      {"header of 64 bytes", 12, 64, ErrorCode::kCorruption},
      {"one row past the limit", 24, limits::kRowsPerSegmentMax + 1U, ErrorCode::kCorruption},
      {"rows past 32 bits", 28, 1, ErrorCode::kCorruption},
      {"rows past 63 bits", 28, 0xffffffff, ErrorCode::kCorruption},
      {"no dimension", 32, 0, ErrorCode::kCorruption},
      {"one dimension past the limit", 32, limits::kDimMax + 1, ErrorCode::kCorruption},
      {"the largest number of dimensions", 32, 0xffffffff, ErrorCode::kCorruption},
      {"metric 3", 36, 3, ErrorCode::kCorruption},
      {"an unknown feature", 40, 0x80000000, ErrorCode::kInvalidArgument},
      {"one section past the limit", 44, kVdbSectionsMax + 1, ErrorCode::kCorruption},
      {"the largest number of sections", 44, 0xffffffff, ErrorCode::kCorruption},
      {"first LSN after the last", 72, 13, ErrorCode::kCorruption},
      {"blocks of 32 KiB", 96, 32768, ErrorCode::kCorruption},
      {"a reserved byte", 100, 1, ErrorCode::kCorruption},
      {"the last reserved byte", 120, 0x01000000, ErrorCode::kCorruption},
  };
  for (const HostileField& field : fields) {
    auto bytes = encode_vdb_header(example_header());
    store_le(bytes, field.offset, field.value);
    store_le(bytes, 124, crc32c(std::span<const std::byte>(bytes).first(124)));
    const auto decoded = decode_vdb_header(bytes);
    ASSERT_FALSE(decoded.ok()) << field.name;
    EXPECT_EQ(decoded.status().code(), field.code) << field.name << ": " << decoded.status().message();
  }
}

TEST(VdbHeader, accepts_the_limits_themselves) {
  VdbHeader header = example_header();
  header.rows = limits::kRowsPerSegmentMax;
  header.dim = limits::kDimMax;
  header.section_count = kVdbSectionsMax;
  EXPECT_TRUE(decode_vdb_header(encode_vdb_header(header)).ok());
  header.rows = 0;
  header.dim = 1;
  header.section_count = 0;
  EXPECT_TRUE(decode_vdb_header(encode_vdb_header(header)).ok());
}

TEST(VdbHeader, names_offset_expected_and_found) {
  auto bytes = encode_vdb_header(example_header());
  store_le(bytes, 32, std::uint32_t{20000});
  store_le(bytes, 124, crc32c(std::span<const std::byte>(bytes).first(124)));
  EXPECT_EQ(decode_vdb_header(bytes).status().message(), "offset 32: dimensions: expected 1 to 16384, found 20000");
}

TEST(SectionTable, decodes_to_what_was_encoded) {
  const std::vector<SectionEntry> sections = {{1, 1, true, 4096, 4096, 640}, {999, 7, false, 64, 8192, 0}};
  const auto decoded = decode_section_table(encode_section_table(sections), 0);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(decoded.value(), sections);
}

TEST(SectionTable, takes_32_bytes_an_entry_where_the_format_page_says) {
  const std::vector<SectionEntry> sections = {{5, 2, true, 128, 0x0102030405060708, 0x1112131415161718}};
  const auto bytes = encode_section_table(sections);
  ASSERT_EQ(bytes.size(), 32U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 0), 5U);
  EXPECT_EQ(load_le<std::uint16_t>(bytes, 4), 2U);
  EXPECT_EQ(load_le<std::uint16_t>(bytes, 6), 1U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 8), 128U);
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 12), 0U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 16), 0x0102030405060708U);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 24), 0x1112131415161718U);
}

TEST(SectionTable, refuses_fields_that_no_writer_writes) {
  const std::vector<SectionEntry> sections = {{1, 1, true, 4096, 4096, 640}};
  const struct {
    std::size_t offset;
    std::uint32_t value;
  } fields[] = {{0, 0}, {4, 0}, {4, 0x00020001}, {8, 0}, {8, 32}, {8, 96}, {8, 4 * 1024 * 1024}, {12, 1}};
  for (const auto& field : fields) {
    auto bytes = encode_section_table(sections);
    store_le(std::span(bytes), field.offset, field.value);
    EXPECT_EQ(decode_section_table(bytes, 1000).status().code(), ErrorCode::kCorruption)
        << field.offset << " = " << field.value;
  }
}

TEST(SectionKinds, have_distinct_names_and_numbers_that_never_change) {
  EXPECT_EQ(to_string(SectionKind::kVectors), "vectors");
  EXPECT_EQ(static_cast<std::uint32_t>(SectionKind::kVectors), 1U);
  EXPECT_EQ(static_cast<std::uint32_t>(SectionKind::kGraph), 5U);
  EXPECT_EQ(static_cast<std::uint32_t>(SectionKind::kMeta), 8U);
  EXPECT_EQ(static_cast<std::uint32_t>(SectionKind::kBuildInfo), 18U);
  EXPECT_EQ(static_cast<std::uint32_t>(SectionKind::kMetaIndex), 16U);
  EXPECT_FALSE(section_kind_info(0).has_value());
  EXPECT_FALSE(section_kind_info(19).has_value());
  std::set<std::string_view> names;
  for (std::uint32_t kind = 1; kind <= 18; ++kind) {
    const auto info = section_kind_info(kind);
    ASSERT_EQ(info.has_value(), kind != 15) << kind;  // 15 was never used.
    EXPECT_TRUE(!info || names.insert(info->name).second) << kind;
  }
}

}  // namespace
}  // namespace vibrato::format
