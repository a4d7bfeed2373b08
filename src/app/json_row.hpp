// One row of JSON text: `[0.1, ...]`, or `{"vector": [0.1, ...], "id": any JSON, "meta": any JSON}`.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "app/row_source.hpp"

namespace vibrato::app {

// Reuses its buffers from row to row. Thread-safety: one thread at a time.
class JsonRowParser {
 public:
  JsonRowParser();
  ~JsonRowParser();
  JsonRowParser(JsonRowParser&&) noexcept;

  // What an `id` must be like is for the reader of the rows to check. An unknown field is an error that names it.
  // Errors: kInvalidJson, kInvalidArgument, kUnknownField, kPayloadTooLarge (meta).
  [[nodiscard]] Status parse_row(const std::string& text, InputRow& row);

  // Checks that `text` is one JSON value and gives it compact; null gives an empty text.
  [[nodiscard]] Result<std::string> parse_meta(const std::string& text);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::app
