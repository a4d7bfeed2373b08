// The bytes of the ids section of a `.vdb` file (docs/formats/vdb.md, "Ids section"): the external id of every row,
// used in place.
//
// Pure and total: any bytes give a view or kCorruption, and whatever the bytes say, a view reads inside its section
// only. Thread-safety: a view is a value over bytes that do not change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vibrato/result.hpp>

#include "base/point_id.hpp"

namespace vibrato::format {

inline constexpr std::uint32_t kIdsHeaderBytes = 64;
inline constexpr std::uint32_t kIdTextBytesMax = 0xffff;
inline constexpr std::uint32_t kIdsWordRows = 64;  // Rows in a word of the bits that tell texts from numbers.

// 8 bytes a row where all ids are numbers.
enum class IdsLayout : std::uint32_t { kNumbers = 0, kMixed = 1 };

struct IdsHeader {
  IdsLayout layout = IdsLayout::kNumbers;
  std::uint32_t rows = 0;
  std::uint64_t text_bytes = 0;  // Of all texts together; 0 for kNumbers.
};

[[nodiscard]] std::array<std::byte, kIdsHeaderBytes> encode_ids_header(const IdsHeader& header);

// The slot of a text that starts at `offset` of the texts. Requires: both fit (48 and 16 bits).
[[nodiscard]] std::uint64_t ids_text_slot(std::uint64_t offset, std::size_t length_bytes);

class IdsView {
 public:
  IdsView() = default;

  [[nodiscard]] std::uint32_t rows() const { return header_.rows; }
  [[nodiscard]] const IdsHeader& header() const { return header_; }

  // The following require: row < rows().
  // Whether the row's text lies within the texts; true for a number.
  [[nodiscard]] bool is_in_range(std::uint32_t row) const;
  // The id, borrowed from the section; an empty text where is_in_range says no.
  [[nodiscard]] PointIdView get(std::uint32_t row) const;
  [[nodiscard]] bool is_text(std::uint32_t row) const;
  [[nodiscard]] std::uint64_t slot(std::uint32_t row) const;
  // The bits of the last rows, one a text. Requires: kMixed, rows() > 0.
  [[nodiscard]] std::uint64_t last_kinds_word() const;

  // Where things stand in the section, for checking their blocks before use and for messages.
  [[nodiscard]] static std::uint64_t slot_offset(std::uint32_t row) {
    return kIdsHeaderBytes + std::uint64_t{row} * sizeof(std::uint64_t);
  }
  [[nodiscard]] std::uint64_t kinds_offset() const { return slot_offset(header_.rows); }
  [[nodiscard]] std::uint64_t texts_offset() const;
  // Of a text that get() gave. Requires: it is one of this view.
  [[nodiscard]] std::uint64_t offset_of(std::string_view text) const;

 private:
  friend Result<IdsView> parse_ids_section(std::span<const std::byte> section, std::uint32_t rows,
                                           std::uint64_t section_offset);
  std::span<const std::byte> section_;
  IdsHeader header_;
};

// O(1): checks the header and the length, not the rows. `section_offset` is for messages. The view borrows `section`.
// Errors: kCorruption, without the path.
[[nodiscard]] Result<IdsView> parse_ids_section(std::span<const std::byte> section, std::uint32_t rows,
                                                std::uint64_t section_offset);

// Every row: texts follow each other without a gap and fill the section, none longer than the format allows, and bits
// behind the last row are zero. Errors: kCorruption, without the path.
[[nodiscard]] Status check_ids(const IdsView& ids, std::uint64_t section_offset);

}  // namespace vibrato::format
