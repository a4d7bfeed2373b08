// The log records of documents: bytes to structs and back. Byte tables: docs/formats/records.md.
// Pure and total: any bytes decode to a record or to kCorruption. A record holds an outcome: the merged document, not
// the patch. The revision of a document is the LSN of its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// The numbers are part of the format. The collection number in the frame is 0: collections of documents have names
// only.
enum class DocRecord : std::uint16_t {
  kPut = 0x0300,
  kDeleted = 0x0301,
};

struct DocPut {
  std::string_view collection;
  std::string_view id;
  std::string_view doc_json;  // Compact JSON text.
};

struct DocDeleted {
  std::string_view collection;
  std::string_view id;
};

// Require: a name of 1 to limits::kCollectionNameBytesMax bytes, an id of 1 to limits::kDocumentIdBytesMax bytes, both
// without NUL; a document of 1 to limits::kStateValueBytesMax bytes.
[[nodiscard]] std::vector<std::byte> encode_doc_put(const DocPut& record);
[[nodiscard]] std::vector<std::byte> encode_doc_deleted(const DocDeleted& record);

// The results borrow from `body`. Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<DocPut> decode_doc_put(std::span<const std::byte> body);
[[nodiscard]] Result<DocDeleted> decode_doc_deleted(std::span<const std::byte> body);

}  // namespace vibrato::format
