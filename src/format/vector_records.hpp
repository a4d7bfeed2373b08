// The log records of the vector model: bytes to structs and back. Byte tables: docs/formats/records.md.
// Pure and total: any bytes decode to a record or to kCorruption. A record holds an outcome, never a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "base/point_id.hpp"

namespace vibrato::format {

// The numbers are part of the format. The collection's number stands in the frame of the record.
enum class VectorRecord : std::uint16_t {
  kCollectionCreated = 0x0100,
  kCollectionDropped = 0x0101,  // Empty body.
  kPointPut = 0x0110,
  kPointDeleted = 0x0111,
  kVectorsImported = 0x0112,
};

struct CollectionCreated {
  std::string name;
  std::string settings;  // JSON of vector::CollectionSettings, every default filled in.
};

// Which event a put is to those who follow the log.
enum class PutOrigin : std::uint8_t { kAdded = 1, kUpserted = 2, kUpdated = 3 };

struct PointPut {
  PutOrigin origin = PutOrigin::kUpserted;
  PointIdView id;
  // Little-endian f32, shape [dim]; 4-byte aligned if the body is 8-byte aligned.
  std::span<const std::byte> vector;
  std::string_view meta_json;  // Empty for none.
};

// A segment that an import wrote. Its rows have the LSN of the record, whatever LSN stands in the file.
struct ImportedFile {
  std::string_view file;  // Relative to the data folder.
  std::uint8_t level = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::array<std::byte, 32> sha256{};
  std::span<const std::byte>
      dead;  // Rows that a later row of the import replaced, as vector::DeleteLsns; may be empty.
};

// Points came as whole segments: all of them at once, in place of older rows of their ids.
struct VectorsImported {
  std::uint64_t points = 0;
  std::uint64_t next_point_number = 0;  // Above every number that one of them has as its id.
  std::vector<ImportedFile> files;
};

// Require: lengths within limits::kCollectionNameBytesMax, kPointIdBytesMax, kMetaBytesMax and kDimMax; none of the
// first two and no vector is empty.
[[nodiscard]] std::vector<std::byte> encode_collection_created(const CollectionCreated& record);
[[nodiscard]] std::vector<std::byte> encode_point_put(const PointPut& record);
// Gives another number to a put whose id is one, in place: of what encode_point_put made with `vector_bytes` bytes.
void set_put_number(std::span<std::byte> body, std::size_t vector_bytes, std::uint64_t number);
[[nodiscard]] std::vector<std::byte> encode_point_deleted(const PointIdView& id);

// Requires: file names of 1 to 255 bytes, at most limits::kImportFilesMax of them, and one at least.
[[nodiscard]] std::vector<std::byte> encode_vectors_imported(const VectorsImported& record);

// Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<CollectionCreated> decode_collection_created(std::span<const std::byte> body);
// The results borrow from `body`.
[[nodiscard]] Result<PointPut> decode_point_put(std::span<const std::byte> body);
[[nodiscard]] Result<PointIdView> decode_point_deleted(std::span<const std::byte> body);
[[nodiscard]] Result<VectorsImported> decode_vectors_imported(std::span<const std::byte> body);

}  // namespace vibrato::format
