// Small `.vdb` files of version 3 as bytes in memory, assembled independently of VdbWriter, and the verbs that damage
// them: set a field, then seal the checksums over it again, so that only the damage itself can be what is found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/crc32c.hpp"
#include "format/vdb_header.hpp"

namespace vibrato::test {

struct SectionBytes {
  format::SectionEntry entry;  // offset and length are filled in by assemble_vdb.
  std::vector<std::byte> bytes;
};

template <typename T>
std::vector<std::byte> to_bytes(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

inline SectionBytes make_section(format::SectionKind kind, std::vector<std::byte> bytes, std::uint32_t alignment = 64) {
  const auto info = format::section_kind_info(static_cast<std::uint32_t>(kind));
  format::SectionEntry entry;
  entry.kind = static_cast<std::uint32_t>(kind);
  entry.version = std::max<std::uint16_t>(info->version, 1);
  entry.required = info->required;
  entry.alignment = alignment;
  return {entry, std::move(bytes)};
}

// Rows 0.5, 1.5, 2.5, ... as one run of numbers, padded to the row stride.
inline SectionBytes make_vectors(std::uint32_t rows, std::uint32_t dim) {
  std::vector<std::byte> bytes(rows * format::vdb_row_stride_bytes(dim));
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t i = 0; i < dim; ++i) {
      const float value = static_cast<float>(row * dim + i) + 0.5F;
      std::memcpy(bytes.data() + row * format::vdb_row_stride_bytes(dim) + i * sizeof(float), &value, sizeof value);
    }
  }
  return make_section(format::SectionKind::kVectors, std::move(bytes), format::kVdbVectorsAlignment);
}

class VdbBytes {
 public:
  VdbBytes(std::uint32_t rows, std::uint32_t dim, Metric metric, std::vector<SectionBytes> sections) {
    file.resize(format::kVdbHeaderBytes);
    for (SectionBytes& section : sections) {
      file.resize(format::round_up(file.size(), section.entry.alignment));
      section.entry.offset = file.size();
      section.entry.length = section.bytes.size();
      file.insert(file.end(), section.bytes.begin(), section.bytes.end());
      entries.push_back(section.entry);
    }
    file.resize(format::round_up(file.size(), format::kVdbAlignmentMin));
    header.rows = rows;
    header.dim = dim;
    header.metric = metric;
    header.section_count = static_cast<std::uint32_t>(entries.size());
    header.section_table_offset = file.size();
    header.block_table_offset = file.size() + entries.size() * format::kVdbSectionEntryBytes;
    header.block_count = (file.size() + format::kVdbBlockBytes - 1) / format::kVdbBlockBytes;
    header.file_bytes = header.block_table_offset + header.block_count * sizeof(std::uint32_t);
    file.resize(header.file_bytes);
    const auto table = format::encode_section_table(entries);
    std::copy(table.begin(), table.end(), at(header.section_table_offset));
    seal_blocks();
  }

  // The header is written anew from `header`; what it says about checksums is computed.
  void seal_blocks() {
    for (std::uint64_t block = 0; block < header.block_count; ++block) {
      const std::uint64_t begin = std::max<std::uint64_t>(block * format::kVdbBlockBytes, format::kVdbHeaderBytes);
      const std::uint64_t end = std::min((block + 1) * format::kVdbBlockBytes, header.section_table_offset);
      set(header.block_table_offset + block * 4, crc32c(part(begin, end - begin)));
    }
    header.block_table_crc = crc32c(part(header.block_table_offset, header.block_count * 4));
    seal_table();
  }
  void seal_table() {
    header.section_table_crc =
        crc32c(part(header.section_table_offset, header.block_table_offset - header.section_table_offset));
    const auto bytes = format::encode_vdb_header(header);
    std::copy(bytes.begin(), bytes.end(), file.begin());
  }
  // Over the header's bytes as they are.
  void seal_header() { set(format::kVdbHeaderBytes - 4, crc32c(part(0, format::kVdbHeaderBytes - 4))); }

  template <typename T>
  void set(std::uint64_t offset, T value) {
    format::store_le<T>(file, offset, value);
  }
  template <typename T>
  void set_header(std::uint64_t offset, T value) {
    set(offset, value);
    seal_header();
  }
  template <typename T>
  void set_entry(std::size_t index, std::size_t field, T value) {
    set(header.section_table_offset + index * format::kVdbSectionEntryBytes + field, value);
    seal_table();
  }

  [[nodiscard]] std::vector<std::byte>::iterator at(std::uint64_t offset) {
    return file.begin() + static_cast<std::ptrdiff_t>(offset);
  }
  [[nodiscard]] std::span<const std::byte> part(std::uint64_t offset, std::uint64_t length) const {
    return std::span(file).subspan(offset, length);
  }

  std::vector<std::byte> file;
  format::VdbHeader header;
  std::vector<format::SectionEntry> entries;
};

// Three rows of two dimensions with meta texts {"a":1}, none and [].
inline VdbBytes small_vdb() {
  constexpr std::string_view kTexts = R"({"a":1}[])";
  const std::vector<std::uint64_t> offsets = {0, 7, 7, 9};
  return {3,
          2,
          Metric::kDot,
          {make_vectors(3, 2), make_section(format::SectionKind::kMetaOffsets, to_bytes(std::span(offsets))),
           make_section(format::SectionKind::kMeta, to_bytes(std::span(kTexts)))}};
}

}  // namespace vibrato::test
