#include "format/vdb_parse.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/vdb_header.hpp"
#include "format/vdb_legacy.hpp"

namespace vibrato::format {
namespace {

bool starts_with(std::span<const std::byte> file, std::span<const char> magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

// Whether this build uses the section. A required one that it cannot use is an error.
Result<bool> is_usable(const SectionEntry& section) {
  const auto info = section_kind_info(section.kind);
  if (info && info->version != 0 && info->version == section.version) {
    return true;
  }
  if (section.required) {
    return invalid_argument(fmt::format("the file needs section {} ({}) of version {}, which this build does not know",
                                        section.kind, info ? info->name : "unknown", section.version));
  }
  return false;
}

Result<VdbLayout> parse_version_3(std::span<const std::byte> file) {
  VIBRATO_ASSIGN_OR_RETURN(const VdbHeader header, decode_vdb_header(file));
  // The tables' places are checked before their bytes are touched; the sections once they are decoded.
  const std::uint64_t table_bytes = std::uint64_t{header.section_count} * kVdbSectionEntryBytes;
  if (header.section_table_offset > file.size() || file.size() - header.section_table_offset < table_bytes) {
    return corrupt_at(header.section_table_offset, "section table", fmt::format("{} bytes", table_bytes),
                      fmt::format("a file of {} bytes", file.size()));
  }
  const auto table = file.subspan(header.section_table_offset, table_bytes);
  if (const std::uint32_t crc = crc32c(table); crc != header.section_table_crc) {
    return bad_checksum_at(header.section_table_offset, "section table checksum", header.section_table_crc, crc);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto sections, decode_section_table(table, header.section_table_offset));
  VIBRATO_RETURN_IF_ERROR(check_vdb_layout(header, sections, file.size()));
  const auto blocks = file.subspan(header.block_table_offset, header.block_count * sizeof(std::uint32_t));
  if (const std::uint32_t crc = crc32c(blocks); crc != header.block_table_crc) {
    return bad_checksum_at(header.block_table_offset, "block table checksum", header.block_table_crc, crc);
  }

  VdbLayout layout;
  layout.version = kVdbVersion;
  layout.file_bytes = header.file_bytes;
  layout.rows = header.rows;
  layout.dim = header.dim;
  layout.metric = header.metric;
  layout.first_lsn = header.first_lsn;
  layout.last_lsn = header.last_lsn;
  layout.row_stride_bytes = vdb_row_stride_bytes(header.dim);
  layout.section_table_offset = header.section_table_offset;
  layout.block_table_offset = header.block_table_offset;
  layout.block_count = header.block_count;
  for (const SectionEntry& section : sections) {
    VIBRATO_ASSIGN_OR_RETURN(const bool usable, is_usable(section));
    if (usable) {
      layout.sections.push_back(section);
    } else {
      ++layout.skipped_sections;
    }
  }
  const SectionEntry* vectors = layout.find(SectionKind::kVectors);
  if (vectors == nullptr) {
    return invalid_argument("the file's vectors section is of a version that this build does not know");
  }
  layout.vectors = {vectors->offset, vectors->length};
  return layout;
}

}  // namespace

Result<VdbLayout> parse_vdb(std::span<const std::byte> file) {
  if (starts_with(file, kVdbMagic3)) {
    return parse_version_3(file);
  }
  if (starts_with(file, kVdbMagic2)) {
    return parse_vdb_version_2(file);
  }
  if (starts_with(file, kVdbMagic1)) {
    return parse_vdb_version_1(file);
  }
  return corrupt_at(
      0, "magic of a .vdb file", "VIBDB001, VIBDB002 or VIBDB003",
      file.size() < kVdbMagic3.size() ? fmt::format("a file of {} bytes", file.size()) : std::string("other bytes"));
}

}  // namespace vibrato::format
