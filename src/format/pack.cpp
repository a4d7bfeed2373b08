#include "format/pack.hpp"

#include <algorithm>
#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

// Offsets of the header's fields.
constexpr std::size_t kAtPackVersion = 8;
constexpr std::size_t kAtPackHeaderBytes = 12;
constexpr std::size_t kAtPackFileBytes = 16;
constexpr std::size_t kAtPackTable = 24;
constexpr std::size_t kAtPackParts = 32;
constexpr std::size_t kAtPackTableCrc = 36;
constexpr std::size_t kAtPackReserved = 40;
constexpr std::size_t kAtPackHeaderCrc = 60;
static_assert(kAtPackHeaderCrc + sizeof(std::uint32_t) == kPackHeaderBytes);

ByteRange entry_of(std::span<const std::byte> table, std::uint32_t part) {
  const std::size_t at = std::size_t{part} * kPackEntryBytes;
  return {load_le<std::uint64_t>(table, at), load_le<std::uint64_t>(table, at + sizeof(std::uint64_t))};
}

Status check_pack_header(std::span<const std::byte> file) {
  if (file.size() < kPackHeaderBytes || !is_pack(file)) {
    return corrupt_at(0, "header of a pack", fmt::format("VIBPACK1 and {} bytes", kPackHeaderBytes),
                      fmt::format("a file of {} bytes", file.size()));
  }
  const auto stored = load_le<std::uint32_t>(file, kAtPackHeaderCrc);
  if (const std::uint32_t crc = crc32c(file.first(kAtPackHeaderCrc)); crc != stored) {
    return bad_checksum_at(kAtPackHeaderCrc, "header checksum", stored, crc);
  }
  if (const auto version = load_le<std::uint32_t>(file, kAtPackVersion); version != kPackVersion) {
    return invalid_argument(fmt::format("version {} of packs is not known to this build", version));
  }
  if (const auto bytes = load_le<std::uint32_t>(file, kAtPackHeaderBytes); bytes != kPackHeaderBytes) {
    return corrupt_at(kAtPackHeaderBytes, "header size", kPackHeaderBytes, bytes);
  }
  for (std::size_t i = kAtPackReserved; i < kAtPackHeaderCrc; ++i) {
    if (file[i] != std::byte{0}) {
      return corrupt_at(i, "reserved byte", 0, std::to_integer<int>(file[i]));
    }
  }
  return ok_status();
}

Status check_table(std::span<const std::byte> table, const PackLayout& layout) {
  std::uint64_t previous_end = kPackHeaderBytes;
  for (std::uint32_t part = 0; part < layout.part_count; ++part) {
    const ByteRange range = entry_of(table, part);
    if (range.offset < previous_end || range.offset % kPackPartAlignment != 0 || range.offset > layout.table_offset ||
        range.length > layout.table_offset - range.offset) {
      return corrupt_at(layout.table_offset + std::uint64_t{part} * kPackEntryBytes,
                        fmt::format("range of part {}", part),
                        fmt::format("one within {} to {}, from a multiple of {}", previous_end, layout.table_offset,
                                    kPackPartAlignment),
                        fmt::format("{} bytes from {}", range.length, range.offset));
    }
    previous_end = range.offset + range.length;
  }
  if (const std::uint64_t expected = round_up(previous_end, kPackEntryBytes); layout.table_offset != expected) {
    return corrupt_at(kAtPackTable, "table offset", expected, layout.table_offset);
  }
  return ok_status();
}

}  // namespace

bool is_pack(std::span<const std::byte> file) {
  return file.size() >= kPackMagic.size() && std::memcmp(file.data(), kPackMagic.data(), kPackMagic.size()) == 0;
}

PackTail encode_pack_tail(std::span<const ByteRange> parts) {
  VIBRATO_CHECK(parts.size() <= kPackPartsMax);
  PackTail tail;
  tail.table.resize(parts.size() * kPackEntryBytes);
  std::uint64_t end = kPackHeaderBytes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    VIBRATO_CHECK(parts[i].offset >= end && parts[i].offset % kPackPartAlignment == 0);
    store_le(tail.table, i * kPackEntryBytes, parts[i].offset);
    store_le(tail.table, i * kPackEntryBytes + sizeof(std::uint64_t), parts[i].length);
    end = parts[i].offset + parts[i].length;
  }
  tail.table_offset = round_up(end, kPackEntryBytes);
  std::memcpy(tail.header.data(), kPackMagic.data(), kPackMagic.size());
  store_le(tail.header, kAtPackVersion, kPackVersion);
  store_le(tail.header, kAtPackHeaderBytes, kPackHeaderBytes);
  store_le(tail.header, kAtPackFileBytes, tail.table_offset + tail.table.size());
  store_le(tail.header, kAtPackTable, tail.table_offset);
  store_le(tail.header, kAtPackParts, static_cast<std::uint32_t>(parts.size()));
  store_le(tail.header, kAtPackTableCrc, crc32c(tail.table));
  store_le(tail.header, kAtPackHeaderCrc, crc32c(std::span(tail.header).first(kAtPackHeaderCrc)));
  return tail;
}

Result<PackLayout> parse_pack(std::span<const std::byte> file) {
  VIBRATO_RETURN_IF_ERROR(check_pack_header(file));
  PackLayout layout;
  layout.file_bytes = load_le<std::uint64_t>(file, kAtPackFileBytes);
  layout.table_offset = load_le<std::uint64_t>(file, kAtPackTable);
  layout.part_count = load_le<std::uint32_t>(file, kAtPackParts);
  if (layout.file_bytes != file.size()) {
    return corrupt_at(kAtPackFileBytes, "file length", fmt::format("{} (the file's size)", file.size()),
                      layout.file_bytes);
  }
  if (layout.part_count > kPackPartsMax) {
    return corrupt_at(kAtPackParts, "parts", fmt::format("at most {}", kPackPartsMax), layout.part_count);
  }
  const std::uint64_t table_bytes = std::uint64_t{layout.part_count} * kPackEntryBytes;
  if (layout.table_offset > file.size() || file.size() - layout.table_offset != table_bytes) {
    return corrupt_at(kAtPackTable, "table offset", fmt::format("{} bytes before the end", table_bytes),
                      layout.table_offset);
  }
  const auto table = file.subspan(layout.table_offset);
  const auto stored = load_le<std::uint32_t>(file, kAtPackTableCrc);
  if (const std::uint32_t crc = crc32c(table); crc != stored) {
    return bad_checksum_at(layout.table_offset, "table checksum", stored, crc);
  }
  VIBRATO_RETURN_IF_ERROR(check_table(table, layout));
  return layout;
}

ByteRange pack_part(std::span<const std::byte> file, const PackLayout& layout, std::uint32_t part) {
  VIBRATO_CHECK(part < layout.part_count);
  return entry_of(file.subspan(layout.table_offset), part);
}

Status check_pack_padding(std::span<const std::byte> file, const PackLayout& layout) {
  std::uint64_t end = kPackHeaderBytes;
  for (std::uint32_t part = 0; part <= layout.part_count; ++part) {
    const ByteRange next = part < layout.part_count ? pack_part(file, layout, part) : ByteRange{layout.table_offset, 0};
    for (std::uint64_t i = end; i < next.offset; ++i) {
      if (file[i] != std::byte{0}) {
        return corrupt_at(i, "byte between parts", 0, std::to_integer<int>(file[i]));
      }
    }
    end = next.offset + next.length;
  }
  return ok_status();
}

}  // namespace vibrato::format
