// Writes the bytes that MetaIndexView reads (meta_index.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "format/meta_index.hpp"

namespace vibrato::format {

// What rows have under one key. All lists of rows ascend, without doubles.
struct MetaField {
  using Strings = std::vector<std::pair<std::string, std::vector<std::uint32_t>>>;
  using Column = std::vector<std::pair<OrderKey, std::uint32_t>>;

  std::string key;
  std::array<std::vector<std::uint32_t>, kMetaSetKinds> sets;  // By MetaSetKind.
  Strings strings;                                             // Bytewise ascending.
  Column numbers;                                              // Ascending; a row may stand here more than once.
  Column times;

  [[nodiscard]] std::vector<std::uint32_t>& set(MetaSetKind kind) { return sets[static_cast<std::size_t>(kind)]; }
};

// `fields`: keys bytewise ascending. Deterministic.
[[nodiscard]] std::vector<std::byte> encode_meta_index(std::uint32_t row_count, std::span<const MetaField> fields,
                                                       std::span<const std::uint32_t> overflow);

}  // namespace vibrato::format
