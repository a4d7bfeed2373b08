#include "format/vector_records.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kVectorRecordVersion = 1;
constexpr std::size_t kCreatedHeaderBytes = 8;
constexpr std::size_t kVectorPutHeaderBytes = 16;
constexpr std::size_t kVectorDeletedHeaderBytes = 8;

constexpr std::uint8_t kIdIsNumber = 0;
constexpr std::uint8_t kIdIsText = 1;

std::size_t id_bytes_of(const PointIdView& id) {
  return id.is_text ? id.text.size() : sizeof(id.number);
}

void write_id(ByteWriter& writer, const PointIdView& id) {
  if (id.is_text) {
    writer.write_text(id.text);
  } else {
    writer.write_u64(id.number);
  }
}

// The header's fixed part is there, of a version that is known.
Status check_vector_record_header(std::span<const std::byte> body, std::size_t header_bytes, std::string_view record) {
  if (body.size() < header_bytes) {
    return corrupt_at(0, record, fmt::format("at least {} bytes", header_bytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kVectorRecordVersion) {
    return corrupt_at(0, fmt::format("version of a {}", record), int{kVectorRecordVersion}, int{version});
  }
  return ok_status();
}

Status check_zeros(std::span<const std::byte> body, std::size_t offset, std::size_t count) {
  const auto zeros = body.subspan(offset, count);
  return std::ranges::all_of(zeros, [](std::byte byte) { return byte == std::byte{0}; })
             ? ok_status()
             : corrupt_at(offset, "reserved bytes", 0, "other bytes");
}

Status check_vector_record_size(std::span<const std::byte> body, std::uint64_t expected) {
  return body.size() == expected ? ok_status() : corrupt_at(0, "size of the body", expected, body.size());
}

// `kind` and `bytes` of an id as they stand at their offsets.
Status check_id_fields(std::uint8_t kind, std::size_t kind_at, std::size_t bytes, std::size_t bytes_at) {
  if (kind != kIdIsNumber && kind != kIdIsText) {
    return corrupt_at(kind_at, "kind of the id", "0 or 1", int{kind});
  }
  if (kind == kIdIsNumber && bytes != sizeof(std::uint64_t)) {
    return corrupt_at(bytes_at, "length of a number as id", sizeof(std::uint64_t), bytes);
  }
  if (bytes == 0 || bytes > limits::kPointIdBytesMax) {
    return corrupt_at(bytes_at, "length of the id", fmt::format("1 to {}", limits::kPointIdBytesMax), bytes);
  }
  return ok_status();
}

// Requires: check_id_fields() was ok, and the bytes are there.
PointIdView read_id(std::span<const std::byte> body, std::uint8_t kind, std::size_t offset, std::size_t bytes) {
  PointIdView id;
  id.is_text = kind == kIdIsText;
  if (id.is_text) {
    id.text = text_at(body, offset, bytes);
  } else {
    id.number = load_le<std::uint64_t>(body, offset);
  }
  return id;
}

}  // namespace

std::vector<std::byte> encode_collection_created(const CollectionCreated& record) {
  std::vector<std::byte> body;
  body.reserve(kCreatedHeaderBytes + record.name.size() + record.settings.size());
  ByteWriter writer(body);
  writer.write_u8(kVectorRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(record.name.size()));
  writer.write_u16(0);
  writer.write_u32(static_cast<std::uint32_t>(record.settings.size()));
  writer.write_text(record.name);
  writer.write_text(record.settings);
  return body;
}

std::vector<std::byte> encode_point_put(const PointPut& record) {
  const std::size_t id_bytes = id_bytes_of(record.id);
  std::vector<std::byte> body;
  body.reserve(kVectorPutHeaderBytes + record.vector.size() + id_bytes + record.meta_json.size());
  ByteWriter writer(body);
  writer.write_u8(kVectorRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(record.origin));
  writer.write_u8(record.id.is_text ? kIdIsText : kIdIsNumber);
  writer.write_u8(0);
  writer.write_u32(static_cast<std::uint32_t>(record.vector.size() / sizeof(float)));
  writer.write_u16(static_cast<std::uint16_t>(id_bytes));
  writer.write_u16(0);
  writer.write_u32(static_cast<std::uint32_t>(record.meta_json.size()));
  writer.write_bytes(record.vector);
  write_id(writer, record.id);
  writer.write_text(record.meta_json);
  return body;
}

void set_put_number(std::span<std::byte> body, std::size_t vector_bytes, std::uint64_t number) {
  const std::size_t offset = kVectorPutHeaderBytes + vector_bytes;
  VIBRATO_CHECK(body.size() >= offset + sizeof(number));
  store_le(body, offset, number);
}

std::vector<std::byte> encode_point_deleted(const PointIdView& id) {
  const std::size_t id_bytes = id_bytes_of(id);
  std::vector<std::byte> body;
  body.reserve(kVectorDeletedHeaderBytes + id_bytes);
  ByteWriter writer(body);
  writer.write_u8(kVectorRecordVersion);
  writer.write_u8(id.is_text ? kIdIsText : kIdIsNumber);
  writer.write_u16(static_cast<std::uint16_t>(id_bytes));
  writer.write_u32(0);
  write_id(writer, id);
  return body;
}

Result<CollectionCreated> decode_collection_created(std::span<const std::byte> body) {
  VIBRATO_RETURN_IF_ERROR(check_vector_record_header(body, kCreatedHeaderBytes, "created collection"));
  const std::size_t name_bytes = load_le<std::uint8_t>(body, 1);
  const std::uint64_t settings_bytes = load_le<std::uint32_t>(body, 4);
  VIBRATO_RETURN_IF_ERROR(check_zeros(body, 2, 2));
  if (name_bytes == 0 || name_bytes > limits::kCollectionNameBytesMax) {
    return corrupt_at(1, "length of the name", fmt::format("1 to {}", limits::kCollectionNameBytesMax), name_bytes);
  }
  VIBRATO_RETURN_IF_ERROR(check_vector_record_size(body, kCreatedHeaderBytes + name_bytes + settings_bytes));
  const std::size_t settings_at = kCreatedHeaderBytes + name_bytes;
  return CollectionCreated{std::string(text_at(body, kCreatedHeaderBytes, name_bytes)),
                           std::string(text_at(body, settings_at, body.size() - settings_at))};
}

Result<PointPut> decode_point_put(std::span<const std::byte> body) {
  VIBRATO_RETURN_IF_ERROR(check_vector_record_header(body, kVectorPutHeaderBytes, "put point"));
  const auto origin = load_le<std::uint8_t>(body, 1);
  const auto id_kind = load_le<std::uint8_t>(body, 2);
  const std::uint32_t dim = load_le<std::uint32_t>(body, 4);
  const std::size_t id_bytes = load_le<std::uint16_t>(body, 8);
  const std::uint32_t meta_bytes = load_le<std::uint32_t>(body, 12);
  VIBRATO_RETURN_IF_ERROR(check_zeros(body, 3, 1));
  VIBRATO_RETURN_IF_ERROR(check_zeros(body, 10, 2));
  if (origin < static_cast<std::uint8_t>(PutOrigin::kAdded) ||
      origin > static_cast<std::uint8_t>(PutOrigin::kUpdated)) {
    return corrupt_at(1, "origin of a put", "1 to 3", int{origin});
  }
  VIBRATO_RETURN_IF_ERROR(check_id_fields(id_kind, 2, id_bytes, 8));
  if (dim == 0 || dim > limits::kDimMax) {
    return corrupt_at(4, "dimensions of the vector", fmt::format("1 to {}", limits::kDimMax), dim);
  }
  if (meta_bytes > limits::kMetaBytesMax) {
    return corrupt_at(12, "length of the meta", fmt::format("at most {}", limits::kMetaBytesMax), meta_bytes);
  }
  const std::size_t vector_bytes = std::size_t{dim} * sizeof(float);
  VIBRATO_RETURN_IF_ERROR(check_vector_record_size(body, kVectorPutHeaderBytes + vector_bytes + id_bytes + meta_bytes));
  const std::size_t id_at = kVectorPutHeaderBytes + vector_bytes;
  return PointPut{static_cast<PutOrigin>(origin), read_id(body, id_kind, id_at, id_bytes),
                  body.subspan(kVectorPutHeaderBytes, vector_bytes), text_at(body, id_at + id_bytes, meta_bytes)};
}

Result<PointIdView> decode_point_deleted(std::span<const std::byte> body) {
  VIBRATO_RETURN_IF_ERROR(check_vector_record_header(body, kVectorDeletedHeaderBytes, "deleted point"));
  const auto id_kind = load_le<std::uint8_t>(body, 1);
  const std::size_t id_bytes = load_le<std::uint16_t>(body, 2);
  VIBRATO_RETURN_IF_ERROR(check_zeros(body, 4, 4));
  VIBRATO_RETURN_IF_ERROR(check_id_fields(id_kind, 1, id_bytes, 2));
  VIBRATO_RETURN_IF_ERROR(check_vector_record_size(body, kVectorDeletedHeaderBytes + id_bytes));
  return read_id(body, id_kind, kVectorDeletedHeaderBytes, id_bytes);
}

}  // namespace vibrato::format
