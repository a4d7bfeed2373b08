// Bytes <-> header and section table of `.vdb` version 3. Pure and total: any bytes give a value or a Status.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

// The header's bytes, its checksum included.
[[nodiscard]] std::array<std::byte, kVdbHeaderBytes> encode_vdb_header(const VdbHeader& header);

// Checks length, magic, checksum, version and every field by itself (not against the file: check_vdb_layout does).
// Errors: kCorruption; kInvalidArgument for a version or a feature that this build does not know.
[[nodiscard]] Result<VdbHeader> decode_vdb_header(std::span<const std::byte> bytes);

[[nodiscard]] std::vector<std::byte> encode_section_table(std::span<const SectionEntry> sections);

// Entries as stored, checked by themselves. `offset` is where `bytes` starts in the file, for messages.
// Requires: bytes.size() is section_count * kVdbSectionEntryBytes, of at most kVdbSectionsMax entries.
[[nodiscard]] Result<std::vector<SectionEntry>> decode_section_table(std::span<const std::byte> bytes,
                                                                     std::uint64_t offset);

// Checks header and sections against each other and against the file's real size: ranges, order, alignment, overlaps,
// lengths that follow from dim and rows. Both the reader and the writer (before publishing) call it.
[[nodiscard]] Status check_vdb_layout(const VdbHeader& header, std::span<const SectionEntry> sections,
                                      std::uint64_t file_bytes);

}  // namespace vibrato::format
