// The rows of an import, out of bytes that come in pieces of any size: ndjson, fvecs, npy. For import_route.
//
// Memory: one line, row or header, within limits::kImportLineBytesMax, besides the piece at hand. Errors name the line
// or the row, counted from 1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "vector/point_writes.hpp"

namespace vibrato::api {

// Takes one row; its error ends the reading, with the row's place put in front.
using TakeRow = std::function<Status(vector::PointInput& point)>;

// Not thread-safe.
class ImportRows {
 public:
  virtual ~ImportRows() = default;
  // Errors: kInvalidArgument, kInvalidJson, kUnknownField, kPayloadTooLarge; those of TakeRow.
  [[nodiscard]] virtual Status take(std::string_view bytes) = 0;
  // The body has ended: what is left is a row, or an error.
  [[nodiscard]] virtual Status finish() = 0;
};

// {"id", "vector" or "vector_b64", "meta"?} a line; empty lines are skipped.
[[nodiscard]] std::unique_ptr<ImportRows> read_ndjson_rows(TakeRow take);
// fvecs or npy, told by the first bytes; the rows get the ids from `first_id` on.
[[nodiscard]] std::unique_ptr<ImportRows> read_binary_rows(std::uint64_t first_id, TakeRow take);

}  // namespace vibrato::api
