#include "format/doc_records.hpp"

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kDocRecordVersion = 1;
constexpr std::size_t kDocHeaderBytes = 8;

static_assert(limits::kCollectionNameBytesMax <= 0xff);
static_assert(limits::kDocumentIdBytesMax <= 0xffff);

// `doc_json` is empty in the record of a deletion.
std::vector<std::byte> encode_doc_record(std::string_view collection, std::string_view id, std::string_view doc_json) {
  std::vector<std::byte> body;
  body.reserve(kDocHeaderBytes + collection.size() + id.size() + doc_json.size());
  ByteWriter writer(body);
  writer.write_u8(kDocRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(collection.size()));
  writer.write_u16(static_cast<std::uint16_t>(id.size()));
  writer.write_u32(static_cast<std::uint32_t>(doc_json.size()));
  writer.write_text(collection);
  writer.write_text(id);
  writer.write_text(doc_json);
  return body;
}

Status check_text(std::uint64_t offset, std::string_view what, std::string_view text) {
  const std::size_t nul = text.find('\0');
  return nul == std::string_view::npos ? ok_status() : corrupt_at(offset + nul, what, "no byte 0", "one");
}

Result<DocPut> decode_doc_record(std::span<const std::byte> body, std::size_t doc_bytes_min,
                                 std::size_t doc_bytes_max) {
  if (body.size() < kDocHeaderBytes) {
    return corrupt_at(0, "record of a document", fmt::format("at least {} bytes", kDocHeaderBytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kDocRecordVersion) {
    return corrupt_at(0, "version of a document's record", int{kDocRecordVersion}, int{version});
  }
  const std::size_t collection_bytes = load_le<std::uint8_t>(body, 1);
  const std::size_t id_bytes = load_le<std::uint16_t>(body, 2);
  const std::size_t doc_bytes = load_le<std::uint32_t>(body, 4);
  if (collection_bytes == 0 || collection_bytes > limits::kCollectionNameBytesMax) {
    return corrupt_at(1, "length of the collection's name", fmt::format("1 to {}", limits::kCollectionNameBytesMax),
                      collection_bytes);
  }
  if (id_bytes == 0 || id_bytes > limits::kDocumentIdBytesMax) {
    return corrupt_at(2, "length of the id", fmt::format("1 to {}", limits::kDocumentIdBytesMax), id_bytes);
  }
  if (doc_bytes < doc_bytes_min || doc_bytes > doc_bytes_max) {
    return corrupt_at(4, "length of the document", fmt::format("{} to {}", doc_bytes_min, doc_bytes_max), doc_bytes);
  }
  if (const std::size_t total = kDocHeaderBytes + collection_bytes + id_bytes + doc_bytes; body.size() != total) {
    return corrupt_at(0, "size of the body", total, body.size());
  }
  const std::string_view texts(reinterpret_cast<const char*>(body.data()) + kDocHeaderBytes,
                               body.size() - kDocHeaderBytes);
  DocPut record;
  record.collection = texts.substr(0, collection_bytes);
  record.id = texts.substr(collection_bytes, id_bytes);
  record.doc_json = texts.substr(collection_bytes + id_bytes);
  VIBRATO_RETURN_IF_ERROR(check_text(kDocHeaderBytes, "name of the collection", record.collection));
  VIBRATO_RETURN_IF_ERROR(check_text(kDocHeaderBytes + collection_bytes, "id", record.id));
  return record;
}

}  // namespace

std::vector<std::byte> encode_doc_put(const DocPut& record) {
  return encode_doc_record(record.collection, record.id, record.doc_json);
}

std::vector<std::byte> encode_doc_deleted(const DocDeleted& record) {
  return encode_doc_record(record.collection, record.id, {});
}

Result<DocPut> decode_doc_put(std::span<const std::byte> body) {
  return decode_doc_record(body, 1, limits::kStateValueBytesMax);
}

Result<DocDeleted> decode_doc_deleted(std::span<const std::byte> body) {
  VIBRATO_ASSIGN_OR_RETURN(const DocPut record, decode_doc_record(body, 0, 0));
  return DocDeleted{record.collection, record.id};
}

}  // namespace vibrato::format
