// Values of documents as bytes whose order is that of a sort: null < false < true < numbers < strings bytewise < arrays
// and objects < absent. What index tables hold and cursors carry. Part of the file format (docs/formats/documents.md).
//
//   0x01            null
//   0x02 b          bool, b = 0 or 1
//   0x03 n[10]      number: the f64 base with its order turned into that of unsigned bytes, and a u16 of what is
//                   missing (filter/number.hpp), both big-endian
//   0x04 text       string: its bytes
//   0x05            array or object
//   0x06            absent
//   0x07 t[12]      time: seconds since 1970 as i64 with its sign bit turned, nanoseconds as u32, both big-endian
//   0x08            an array of more elements than an index keeps
// The last two are no values to sort by: index entries of strings that are times, and of such arrays.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filter/condition.hpp"

namespace vibrato::doc {

enum class ValueKind : char {
  kNull = 1,
  kBool = 2,
  kNumber = 3,
  kText = 4,
  kStructure = 5,
  kAbsent = 6,
  kTime = 7,
  kManyElements = 8,
};

[[nodiscard]] std::string key_of(ValueKind kind);
[[nodiscard]] std::string key_of(bool flag);
[[nodiscard]] std::string key_of(const filter::Number& number);
[[nodiscard]] std::string key_of(std::string_view text);
[[nodiscard]] std::string key_of(const filter::Time& time);
[[nodiscard]] std::string key_of(const filter::Scalar& scalar);

[[nodiscard]] inline bool is_absent(std::string_view value_key) {
  return !value_key.empty() && value_key.front() == static_cast<char>(ValueKind::kAbsent);
}

// Keys k with from <= k < to.
struct ValueRange {
  std::string from;
  std::string to;
};
[[nodiscard]] ValueRange range_of(ValueKind kind);
[[nodiscard]] ValueRange range_of_one(std::string value_key);
// Of the keys that begin with these bytes, which are not all 0xff.
[[nodiscard]] ValueRange range_of_beginning(std::string bytes);

}  // namespace vibrato::doc
