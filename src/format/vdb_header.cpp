#include "format/vdb_header.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crc32c.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"

namespace vibrato::format {
namespace {

// Offsets of the header's fields.
constexpr std::size_t kAtVdbVersion = 8;
constexpr std::size_t kAtVdbHeaderBytes = 12;
constexpr std::size_t kAtVdbFileBytes = 16;
constexpr std::size_t kAtVdbRows = 24;
constexpr std::size_t kAtVdbDim = 32;
constexpr std::size_t kAtVdbMetric = 36;
constexpr std::size_t kAtVdbFeatures = 40;
constexpr std::size_t kAtVdbSectionCount = 44;
constexpr std::size_t kAtVdbSectionTable = 48;
constexpr std::size_t kAtVdbBlockTable = 56;
constexpr std::size_t kAtVdbBlockCount = 64;
constexpr std::size_t kAtVdbFirstLsn = 72;
constexpr std::size_t kAtVdbLastLsn = 80;
constexpr std::size_t kAtVdbSectionTableCrc = 88;
constexpr std::size_t kAtVdbBlockTableCrc = 92;
constexpr std::size_t kAtVdbBlockBytes = 96;
constexpr std::size_t kAtVdbReserved = 100;
constexpr std::size_t kAtVdbHeaderCrc = 124;
static_assert(kAtVdbHeaderCrc + sizeof(std::uint32_t) == kVdbHeaderBytes);

constexpr std::uint16_t kSectionRequired = 1;

Status check_vdb_envelope(std::span<const std::byte> bytes) {
  if (bytes.size() < kVdbHeaderBytes) {
    return corrupt_at(0, "header", fmt::format("{} bytes", kVdbHeaderBytes), bytes.size());
  }
  if (std::memcmp(bytes.data(), kVdbMagic3.data(), kVdbMagic3.size()) != 0) {
    return corruption("offset 0: magic: expected VIBDB003, found other bytes");
  }
  const auto stored = load_le<std::uint32_t>(bytes, kAtVdbHeaderCrc);
  const std::uint32_t computed = crc32c(bytes.first(kAtVdbHeaderCrc));
  if (stored != computed) {
    return bad_checksum_at(kAtVdbHeaderCrc, "header checksum", stored, computed);
  }
  return ok_status();
}

Status check_fixed_fields(std::span<const std::byte> bytes) {
  if (const auto version = load_le<std::uint32_t>(bytes, kAtVdbVersion); version != kVdbVersion) {
    return invalid_argument(fmt::format("format version {} is not known to this build", version));
  }
  if (const auto features = load_le<std::uint32_t>(bytes, kAtVdbFeatures); features != 0) {
    return invalid_argument(fmt::format("the file needs features {:#x} that this build does not know", features));
  }
  if (const auto size = load_le<std::uint32_t>(bytes, kAtVdbHeaderBytes); size != kVdbHeaderBytes) {
    return corrupt_at(kAtVdbHeaderBytes, "header size", kVdbHeaderBytes, size);
  }
  if (const auto size = load_le<std::uint32_t>(bytes, kAtVdbBlockBytes); size != kVdbBlockBytes) {
    return corrupt_at(kAtVdbBlockBytes, "block size", kVdbBlockBytes, size);
  }
  for (std::size_t i = kAtVdbReserved; i < kAtVdbHeaderCrc; ++i) {
    if (bytes[i] != std::byte{0}) {
      return corrupt_at(i, "reserved byte", 0, std::to_integer<int>(bytes[i]));
    }
  }
  return ok_status();
}

Status check_values(const VdbHeader& header, std::uint32_t metric) {
  if (metric > static_cast<std::uint32_t>(Metric::kL2)) {
    return corrupt_at(kAtVdbMetric, "metric", "0, 1 or 2", metric);
  }
  if (header.dim < 1 || header.dim > limits::kDimMax) {
    return corrupt_at(kAtVdbDim, "dimensions", fmt::format("1 to {}", limits::kDimMax), header.dim);
  }
  if (header.rows > limits::kRowsPerSegmentMax) {
    return corrupt_at(kAtVdbRows, "row count", fmt::format("at most {}", limits::kRowsPerSegmentMax), header.rows);
  }
  if (header.section_count > kVdbSectionsMax) {
    return corrupt_at(kAtVdbSectionCount, "section count", fmt::format("at most {}", kVdbSectionsMax),
                      header.section_count);
  }
  if (header.first_lsn > header.last_lsn) {
    return corrupt_at(kAtVdbFirstLsn, "first LSN", fmt::format("at most {}", header.last_lsn), header.first_lsn);
  }
  return ok_status();
}

// The tail of the file: content | section table | block-CRC table, without gaps.
Status check_tail(const VdbHeader& header, std::uint64_t file_bytes) {
  if (header.file_bytes != file_bytes) {
    return corrupt_at(kAtVdbFileBytes, "file length", fmt::format("{} (the file's size)", file_bytes),
                      header.file_bytes);
  }
  const std::uint64_t table = header.section_table_offset;
  if (table < kVdbHeaderBytes || table > file_bytes || table % kVdbAlignmentMin != 0) {
    return corrupt_at(kAtVdbSectionTable, "section table offset",
                      fmt::format("a multiple of {} in {} to {}", kVdbAlignmentMin, kVdbHeaderBytes, file_bytes),
                      table);
  }
  const std::uint64_t blocks_at = table + std::uint64_t{header.section_count} * kVdbSectionEntryBytes;
  if (header.block_table_offset != blocks_at) {
    return corrupt_at(kAtVdbBlockTable, "block table offset", blocks_at, header.block_table_offset);
  }
  const std::uint64_t blocks = round_up(table, kVdbBlockBytes) / kVdbBlockBytes;
  if (header.block_count != blocks) {
    return corrupt_at(kAtVdbBlockCount, "block count", blocks, header.block_count);
  }
  if (const std::uint64_t end = blocks_at + blocks * sizeof(std::uint32_t); end != file_bytes) {
    return corrupt_at(kAtVdbFileBytes, "file length", fmt::format("{} (the end of the block table)", end), file_bytes);
  }
  return ok_status();
}

std::optional<std::uint64_t> expected_length(SectionLength rule, const VdbHeader& header) {
  switch (rule) {
    case SectionLength::kAny:
      return std::nullopt;
    case SectionLength::kVectorRows:
      return header.rows * vdb_row_stride_bytes(header.dim);
    case SectionLength::kPerRow4:
      return header.rows * 4;
    case SectionLength::kPerRow8:
      return header.rows * 8;
    case SectionLength::kOffsets8:
      return (header.rows + 1) * 8;
  }
  return std::nullopt;
}
static_assert(std::uint64_t{limits::kRowsPerSegmentMax} * vdb_row_stride_bytes(limits::kDimMax) < std::uint64_t{1}
                                                                                                      << 63);

Status check_section(const SectionEntry& section, const VdbHeader& header, std::uint64_t previous_end,
                     std::uint64_t entry_offset) {
  const auto info = section_kind_info(section.kind);
  const std::string_view name = info ? info->name : "unknown";
  if (section.offset < previous_end || section.offset > header.section_table_offset) {
    return corrupt_at(entry_offset + 16, fmt::format("offset of section {} ({})", section.kind, name),
                      fmt::format("{} to {}", previous_end, header.section_table_offset), section.offset);
  }
  if (section.offset % section.alignment != 0) {
    return corrupt_at(entry_offset + 16, fmt::format("offset of section {} ({})", section.kind, name),
                      fmt::format("a multiple of {}", section.alignment), section.offset);
  }
  if (section.length > header.section_table_offset - section.offset) {
    return corrupt_at(entry_offset + 24, fmt::format("length of section {} ({})", section.kind, name),
                      fmt::format("at most {}", header.section_table_offset - section.offset), section.length);
  }
  if (!info || info->version != section.version) {
    return ok_status();  // Not used by this build, so its length is not its business.
  }
  // Rows may be dropped behind their codes (check_vdb_layout looks for those).
  const bool is_dropped = info->kind == SectionKind::kVectors && section.length == 0;
  if (const auto length = expected_length(info->length, header); length && *length != section.length && !is_dropped) {
    return corrupt_at(entry_offset + 24, fmt::format("length of section {} ({})", section.kind, name),
                      fmt::format("{} for {} rows of {} dimensions", *length, header.rows, header.dim), section.length);
  }
  return ok_status();
}

bool has(std::span<const SectionEntry> sections, SectionKind kind) {
  return std::any_of(sections.begin(), sections.end(),
                     [kind](const SectionEntry& section) { return section.kind == static_cast<std::uint32_t>(kind); });
}

bool has_no_bytes(std::span<const SectionEntry> sections, SectionKind kind) {
  return std::any_of(sections.begin(), sections.end(), [kind](const SectionEntry& section) {
    return section.kind == static_cast<std::uint32_t>(kind) && section.length == 0;
  });
}

}  // namespace

std::array<std::byte, kVdbHeaderBytes> encode_vdb_header(const VdbHeader& header) {
  std::array<std::byte, kVdbHeaderBytes> bytes{};
  std::memcpy(bytes.data(), kVdbMagic3.data(), kVdbMagic3.size());
  store_le(bytes, kAtVdbVersion, kVdbVersion);
  store_le(bytes, kAtVdbHeaderBytes, kVdbHeaderBytes);
  store_le(bytes, kAtVdbFileBytes, header.file_bytes);
  store_le(bytes, kAtVdbRows, header.rows);
  store_le(bytes, kAtVdbDim, header.dim);
  store_le(bytes, kAtVdbMetric, static_cast<std::uint32_t>(header.metric));
  store_le(bytes, kAtVdbSectionCount, header.section_count);
  store_le(bytes, kAtVdbSectionTable, header.section_table_offset);
  store_le(bytes, kAtVdbBlockTable, header.block_table_offset);
  store_le(bytes, kAtVdbBlockCount, header.block_count);
  store_le(bytes, kAtVdbFirstLsn, header.first_lsn);
  store_le(bytes, kAtVdbLastLsn, header.last_lsn);
  store_le(bytes, kAtVdbSectionTableCrc, header.section_table_crc);
  store_le(bytes, kAtVdbBlockTableCrc, header.block_table_crc);
  store_le(bytes, kAtVdbBlockBytes, kVdbBlockBytes);
  store_le(bytes, kAtVdbHeaderCrc, crc32c(std::span<const std::byte>(bytes).first(kAtVdbHeaderCrc)));
  return bytes;
}

Result<VdbHeader> decode_vdb_header(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(check_vdb_envelope(bytes));
  VIBRATO_RETURN_IF_ERROR(check_fixed_fields(bytes));
  VdbHeader header;
  header.file_bytes = load_le<std::uint64_t>(bytes, kAtVdbFileBytes);
  header.rows = load_le<std::uint64_t>(bytes, kAtVdbRows);
  header.dim = load_le<std::uint32_t>(bytes, kAtVdbDim);
  header.section_count = load_le<std::uint32_t>(bytes, kAtVdbSectionCount);
  header.section_table_offset = load_le<std::uint64_t>(bytes, kAtVdbSectionTable);
  header.block_table_offset = load_le<std::uint64_t>(bytes, kAtVdbBlockTable);
  header.block_count = load_le<std::uint64_t>(bytes, kAtVdbBlockCount);
  header.first_lsn = load_le<std::uint64_t>(bytes, kAtVdbFirstLsn);
  header.last_lsn = load_le<std::uint64_t>(bytes, kAtVdbLastLsn);
  header.section_table_crc = load_le<std::uint32_t>(bytes, kAtVdbSectionTableCrc);
  header.block_table_crc = load_le<std::uint32_t>(bytes, kAtVdbBlockTableCrc);
  const auto metric = load_le<std::uint32_t>(bytes, kAtVdbMetric);
  VIBRATO_RETURN_IF_ERROR(check_values(header, metric));
  header.metric = static_cast<Metric>(metric);
  return header;
}

std::vector<std::byte> encode_section_table(std::span<const SectionEntry> sections) {
  std::vector<std::byte> bytes(sections.size() * kVdbSectionEntryBytes);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const auto entry = std::span(bytes).subspan(i * kVdbSectionEntryBytes, kVdbSectionEntryBytes);
    store_le(entry, 0, sections[i].kind);
    store_le(entry, 4, sections[i].version);
    store_le(entry, 6, sections[i].required ? kSectionRequired : std::uint16_t{0});
    store_le(entry, 8, sections[i].alignment);
    store_le(entry, 12, std::uint32_t{0});
    store_le(entry, 16, sections[i].offset);
    store_le(entry, 24, sections[i].length);
  }
  return bytes;
}

Result<std::vector<SectionEntry>> decode_section_table(std::span<const std::byte> bytes, std::uint64_t offset) {
  VIBRATO_CHECK(bytes.size() % kVdbSectionEntryBytes == 0);
  VIBRATO_CHECK(bytes.size() / kVdbSectionEntryBytes <= kVdbSectionsMax);
  std::vector<SectionEntry> sections(bytes.size() / kVdbSectionEntryBytes);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::uint64_t at = offset + i * kVdbSectionEntryBytes;
    const auto entry = bytes.subspan(i * kVdbSectionEntryBytes, kVdbSectionEntryBytes);
    const auto flags = load_le<std::uint16_t>(entry, 6);
    const auto reserved = load_le<std::uint32_t>(entry, 12);
    sections[i] = {load_le<std::uint32_t>(entry, 0),  load_le<std::uint16_t>(entry, 4),
                   (flags & kSectionRequired) != 0,   load_le<std::uint32_t>(entry, 8),
                   load_le<std::uint64_t>(entry, 16), load_le<std::uint64_t>(entry, 24)};
    if (sections[i].kind == 0 || sections[i].version == 0) {
      return corrupt_at(at, "section kind and version", "numbers above 0",
                        fmt::format("{}, {}", sections[i].kind, sections[i].version));
    }
    if ((flags & ~kSectionRequired) != 0 || reserved != 0) {
      return corrupt_at(at + 6, "section flags and reserved bytes", "0 or 1, and 0",
                        fmt::format("{}, {}", flags, reserved));
    }
    const std::uint32_t alignment = sections[i].alignment;
    if (!std::has_single_bit(alignment) || alignment < kVdbAlignmentMin || alignment > kVdbAlignmentMax) {
      return corrupt_at(at + 8, "section alignment",
                        fmt::format("a power of two in {} to {}", kVdbAlignmentMin, kVdbAlignmentMax), alignment);
    }
  }
  return sections;
}

Status check_vdb_layout(const VdbHeader& header, std::span<const SectionEntry> sections, std::uint64_t file_bytes) {
  VIBRATO_CHECK(sections.size() == header.section_count);
  VIBRATO_RETURN_IF_ERROR(check_tail(header, file_bytes));
  std::uint64_t previous_end = kVdbHeaderBytes;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::uint64_t at = header.section_table_offset + i * kVdbSectionEntryBytes;
    VIBRATO_RETURN_IF_ERROR(check_section(sections[i], header, previous_end, at));
    previous_end = sections[i].offset + sections[i].length;
    if (has(sections.first(i), static_cast<SectionKind>(sections[i].kind))) {
      return corrupt_at(at, "section kind", "one section of a kind", fmt::format("a second {}", sections[i].kind));
    }
  }
  if (!has(sections, SectionKind::kVectors)) {
    return corrupt_at(header.section_table_offset, "section table", "a vectors section", "none");
  }
  if (header.rows > 0 && has_no_bytes(sections, SectionKind::kVectors) &&
      (!has(sections, SectionKind::kQuantizer) || !has(sections, SectionKind::kCodes))) {
    return corrupt_at(header.section_table_offset, "section table", "rows in the vectors section, or codes of them",
                      "neither");
  }
  if (has(sections, SectionKind::kMeta) != has(sections, SectionKind::kMetaOffsets)) {
    return corrupt_at(header.section_table_offset, "section table", "meta and meta_offsets together", "one of them");
  }
  return ok_status();
}

}  // namespace vibrato::format
