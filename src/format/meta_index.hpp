// The meta index of a segment as bytes: for every key, which rows have which values there. Read in place from a map;
// docs/formats/vdb.md, "Meta index section", is the specification.
//
// A *field* is a key (dotted path) that some row has, objects on the way included. Of a field the index holds sets of
// rows: present, null, empty array, false, true, and *unindexed*: rows of which some value here is not in the index (a
// string too long, or one past a cap), which only their meta can tell. Strings stand in a sorted dictionary, each with
// its rows; numbers, and those strings that are times, in a sorted column. Rows with a key that has no field, because
// there were too many, are the *overflow*.
//
// Total: offsets, counts and orders that the bytes claim are checked where they are used, so damage gives kCorruption
// or a wrong set, never a read outside.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "format/roaring_reader.hpp"

namespace vibrato::format {

inline constexpr std::uint32_t kMetaIndexVersion = 1;
// Sets up to this size are lists of u32, others are Roaring bitmaps.
inline constexpr std::uint32_t kMetaListMax = 16;
// Columns from this length on carry cuts: sets of the rows up to, or between, some of their positions.
inline constexpr std::uint32_t kMetaCutsMin = 4096;
inline constexpr std::uint32_t kMetaCutsMax = 64;

// A number or a time as columns are ordered by it: (f64, u32). Of a number what its f64 falls short of it; of a time
// seconds and nanoseconds.
struct OrderKey {
  double base = 0;
  std::uint32_t rest = 0;

  friend bool operator==(const OrderKey&, const OrderKey&) = default;
  friend std::partial_ordering operator<=>(const OrderKey&, const OrderKey&) = default;
};

// A set of rows, where it is stored.
struct MetaSetRef {
  std::uint64_t offset = 0;  // Of a set of one row: the row.
  std::uint32_t bytes = 0;   // 0 for at most one row.
  std::uint32_t count = 0;   // Rows.
};
static_assert(sizeof(MetaSetRef) == 16);

enum class MetaSetKind : std::uint8_t { kPresent, kNull, kEmptyArray, kFalse, kTrue, kUnindexed };
inline constexpr std::size_t kMetaSetKinds = 6;

// A sorted column of numbers or times, in the order of (key, row).
struct MetaColumnRef {
  std::uint64_t keys = 0;   // f64 each.
  std::uint64_t rests = 0;  // u32 each; 0: all are 0.
  std::uint64_t rows = 0;   // u32 each.
  std::uint64_t cuts = 0;   // MetaSetRef each; 0: none.
  std::uint32_t count = 0;
  std::uint32_t cut_step = 0;  // Positions from one cut to the next.
  std::uint32_t cut_count = 0;
  // Whether no row stands in it twice. Then cut i is the rows of the positions [0, (i + 1) * cut_step); else those of
  // [i * cut_step, (i + 1) * cut_step).
  std::uint32_t is_single = 0;
};
static_assert(sizeof(MetaColumnRef) == 48);

struct MetaFieldEntry {
  std::uint64_t key_offset = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t string_count = 0;
  std::uint64_t strings = 0;  // MetaStringEntry each, bytewise ascending.
  std::array<MetaSetRef, kMetaSetKinds> sets;
  MetaColumnRef numbers;
  MetaColumnRef times;
  std::uint64_t reserved = 0;
};
static_assert(sizeof(MetaFieldEntry) == 224);

struct MetaStringEntry {
  std::uint64_t text_offset = 0;
  std::uint32_t text_bytes = 0;
  std::uint32_t reserved = 0;
  MetaSetRef rows;
};
static_assert(sizeof(MetaStringEntry) == 32);

struct MetaIndexHeader {
  std::uint32_t version = kMetaIndexVersion;
  std::uint32_t row_count = 0;
  std::uint32_t field_count = 0;
  std::uint32_t reserved = 0;
  std::uint64_t fields = 0;  // MetaFieldEntry each, keys bytewise ascending.
  MetaSetRef overflow;
  std::uint64_t reserved_more[3] = {};
};
static_assert(sizeof(MetaIndexHeader) == 64);

// An index to read. Immutable; borrows the bytes. Thread-safety: reading from many threads is safe.
class MetaIndexView {
 public:
  // Called with the range of bytes that is about to be read, so that its checksum can be looked at.
  using Check = std::function<Status(std::uint64_t offset, std::uint64_t length)>;

  // O(1), and without `check`: the header is checked as far as it can be by itself; whether its bytes are what was
  // written, the first lookup of a field asks. `bytes`: 64-byte aligned. Errors: kCorruption, offsets from the start of
  // `bytes`.
  [[nodiscard]] static Result<MetaIndexView> open(std::span<const std::byte> bytes, std::uint32_t row_count,
                                                  Check check = {});

  [[nodiscard]] std::uint32_t row_count() const { return header_.row_count; }
  [[nodiscard]] std::uint32_t field_count() const { return header_.field_count; }
  [[nodiscard]] const MetaSetRef& overflow() const { return header_.overflow; }

  // Requires: i < field_count().
  [[nodiscard]] Result<MetaFieldEntry> field(std::uint32_t i) const;
  [[nodiscard]] Result<std::string_view> key_of(const MetaFieldEntry& field) const;
  [[nodiscard]] Result<std::optional<MetaFieldEntry>> find_field(std::string_view key) const;

  struct String {
    std::string_view text;
    MetaSetRef rows;
  };
  // Requires: i < field.string_count.
  [[nodiscard]] Result<String> string(const MetaFieldEntry& field, std::uint32_t i) const;
  // The first string that is not below `text`.
  [[nodiscard]] Result<std::uint32_t> lower_bound(const MetaFieldEntry& field, std::string_view text) const;

  // The first position whose key is not below `key` or, with `after`, above it.
  [[nodiscard]] Result<std::uint32_t> lower_bound(const MetaColumnRef& column, const OrderKey& key, bool after) const;
  // Requires: position < column.count.
  [[nodiscard]] Result<OrderKey> key_at(const MetaColumnRef& column, std::uint32_t position) const;
  // Rows of the positions [first, end). Requires: first <= end <= column.count.
  [[nodiscard]] Result<std::span<const std::uint32_t>> rows_at(const MetaColumnRef& column, std::uint32_t first,
                                                               std::uint32_t end) const;
  // Requires: i < column.cut_count.
  [[nodiscard]] Result<MetaSetRef> cut(const MetaColumnRef& column, std::uint32_t i) const;

  // A set of at most kMetaListMax rows; they are not checked against row_count(). Requires: set.count <= kMetaListMax.
  [[nodiscard]] Result<std::vector<std::uint32_t>> list(const MetaSetRef& set) const;
  // A larger one.
  [[nodiscard]] Result<RoaringReader> bitmap(const MetaSetRef& set) const;

 private:
  template <typename T>
  [[nodiscard]] Result<T> read(std::uint64_t offset) const;
  template <typename T>
  [[nodiscard]] Result<T> read(std::uint64_t array, std::uint64_t index) const;
  [[nodiscard]] Status check_header() const;
  [[nodiscard]] Result<std::span<const std::byte>> bytes_at(std::uint64_t offset, std::uint64_t length) const;

  std::span<const std::byte> bytes_;
  MetaIndexHeader header_;
  Check check_;
};

}  // namespace vibrato::format
