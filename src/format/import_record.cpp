// The record of an import: see vector_records.hpp.
#include <algorithm>
#include <cstring>

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"
#include "format/vector_records.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kImportRecordVersion = 1;
constexpr std::size_t kImportHeaderBytes = 24;
constexpr std::size_t kFileHeaderBytes = 56;  // Without name and dead rows.
constexpr std::size_t kNameBytesMax = 255;

std::uint32_t length_of(std::size_t bytes) {
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace

std::vector<std::byte> encode_vectors_imported(const VectorsImported& record) {
  std::vector<std::byte> body;
  ByteWriter writer(body);
  writer.write_u8(kImportRecordVersion);
  writer.write_u8(0);
  writer.write_u16(0);
  writer.write_u32(length_of(record.files.size()));
  writer.write_u64(record.points);
  writer.write_u64(record.next_point_number);
  for (const ImportedFile& file : record.files) {
    writer.write_u8(static_cast<std::uint8_t>(file.file.size()));
    writer.write_u8(file.level);
    writer.write_u16(0);
    writer.write_u32(length_of(file.dead.size()));
    writer.write_u64(file.rows);
    writer.write_u64(file.bytes);
    writer.write_bytes(file.sha256);
    writer.write_text(file.file);
    writer.write_bytes(file.dead);
  }
  return body;
}

Result<VectorsImported> decode_vectors_imported(std::span<const std::byte> body) {
  if (body.size() < kImportHeaderBytes) {
    return corrupt_at(0, "imported vectors", fmt::format("at least {} bytes", kImportHeaderBytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kImportRecordVersion) {
    return corrupt_at(0, "version of imported vectors", int{kImportRecordVersion}, int{version});
  }
  if (load_le<std::uint8_t>(body, 1) != 0 || load_le<std::uint16_t>(body, 2) != 0) {
    return corrupt_at(1, "reserved bytes", 0, "other bytes");
  }
  const std::uint32_t count = load_le<std::uint32_t>(body, 4);
  if (count == 0 || count > limits::kImportFilesMax) {
    return corrupt_at(4, "number of files", fmt::format("1 to {}", limits::kImportFilesMax), count);
  }
  VectorsImported record;
  record.points = load_le<std::uint64_t>(body, 8);
  record.next_point_number = load_le<std::uint64_t>(body, 16);
  std::size_t at = kImportHeaderBytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t left = body.size() - at;
    if (left < kFileHeaderBytes) {
      return corrupt_at(at, "an imported file", fmt::format("at least {} bytes", kFileHeaderBytes), left);
    }
    const std::size_t name_bytes = load_le<std::uint8_t>(body, at);
    const std::size_t dead_bytes = load_le<std::uint32_t>(body, at + 4);
    if (name_bytes == 0 || name_bytes > kNameBytesMax) {
      return corrupt_at(at, "length of a file's name", fmt::format("1 to {}", kNameBytesMax), name_bytes);
    }
    if (load_le<std::uint16_t>(body, at + 2) != 0) {
      return corrupt_at(at + 2, "reserved bytes", 0, "other bytes");
    }
    if (left - kFileHeaderBytes < name_bytes + dead_bytes) {
      return corrupt_at(at, "size of the body", at + kFileHeaderBytes + name_bytes + dead_bytes, body.size());
    }
    ImportedFile file;
    file.level = load_le<std::uint8_t>(body, at + 1);
    file.rows = load_le<std::uint64_t>(body, at + 8);
    file.bytes = load_le<std::uint64_t>(body, at + 16);
    std::ranges::copy(body.subspan(at + 24, file.sha256.size()), file.sha256.begin());
    at += kFileHeaderBytes;
    const auto name = body.subspan(at, name_bytes);
    file.file = {reinterpret_cast<const char*>(name.data()), name.size()};
    file.dead = body.subspan(at + name_bytes, dead_bytes);
    at += name_bytes + dead_bytes;
    record.files.push_back(file);
  }
  return at == body.size() ? Result(std::move(record)) : corrupt_at(at, "size of the body", at, body.size());
}

}  // namespace vibrato::format
