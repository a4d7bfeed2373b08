#include "format/id_section.hpp"

#include <algorithm>

#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

// Offsets of the header's fields.
constexpr std::size_t kAtIdsLayout = 0;
constexpr std::size_t kAtIdsRows = 4;
constexpr std::size_t kAtIdsTextBytes = 8;
constexpr std::size_t kAtIdsReserved = 16;

// A text's slot: 48 bits of offset, 16 bits of length above them.
constexpr std::uint32_t kOffsetBits = 48;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kOffsetBits) - 1;
constexpr std::uint64_t kTextBytesMax = kOffsetMask;

constexpr std::uint64_t kinds_bytes(std::uint32_t rows) {
  return (std::uint64_t{rows} + kIdsWordRows - 1) / kIdsWordRows * sizeof(std::uint64_t);
}

std::uint64_t text_begin(std::uint64_t slot) {
  return slot & kOffsetMask;
}
std::uint64_t text_length(std::uint64_t slot) {
  return slot >> kOffsetBits;
}

}  // namespace

std::array<std::byte, kIdsHeaderBytes> encode_ids_header(const IdsHeader& header) {
  std::array<std::byte, kIdsHeaderBytes> bytes{};
  store_le(bytes, kAtIdsLayout, static_cast<std::uint32_t>(header.layout));
  store_le(bytes, kAtIdsRows, header.rows);
  store_le(bytes, kAtIdsTextBytes, header.text_bytes);
  return bytes;
}

std::uint64_t ids_text_slot(std::uint64_t offset, std::size_t length_bytes) {
  VIBRATO_CHECK(offset <= kOffsetMask && length_bytes <= kIdTextBytesMax);
  return offset | std::uint64_t{length_bytes} << kOffsetBits;
}

std::uint64_t IdsView::texts_offset() const {
  return kinds_offset() + (header_.layout == IdsLayout::kMixed ? kinds_bytes(header_.rows) : 0);
}

std::uint64_t IdsView::offset_of(std::string_view text) const {
  const auto* at = reinterpret_cast<const std::byte*>(text.data());
  VIBRATO_CHECK(text.empty() || (at >= section_.data() && at < section_.data() + section_.size()));
  return text.empty() ? texts_offset() : static_cast<std::uint64_t>(at - section_.data());
}

std::uint64_t IdsView::slot(std::uint32_t row) const {
  VIBRATO_CHECK(row < header_.rows);
  return load_le<std::uint64_t>(section_, slot_offset(row));
}

bool IdsView::is_text(std::uint32_t row) const {
  VIBRATO_CHECK(row < header_.rows);
  if (header_.layout == IdsLayout::kNumbers) {
    return false;
  }
  const auto word = load_le<std::uint64_t>(section_, kinds_offset() + row / kIdsWordRows * sizeof(std::uint64_t));
  return (word >> (row % kIdsWordRows) & 1) != 0;
}

std::uint64_t IdsView::last_kinds_word() const {
  VIBRATO_CHECK(header_.layout == IdsLayout::kMixed && header_.rows > 0);
  return load_le<std::uint64_t>(section_, texts_offset() - sizeof(std::uint64_t));
}

bool IdsView::is_in_range(std::uint32_t row) const {
  if (!is_text(row)) {
    return true;
  }
  const std::uint64_t at = slot(row);
  return text_begin(at) <= header_.text_bytes && text_length(at) <= header_.text_bytes - text_begin(at);
}

PointIdView IdsView::get(std::uint32_t row) const {
  const std::uint64_t at = slot(row);
  if (!is_text(row)) {
    return {false, at, {}};
  }
  if (!is_in_range(row)) {
    return {true, 0, {}};
  }
  const auto text = section_.subspan(texts_offset() + text_begin(at), text_length(at));
  return {true, 0, {reinterpret_cast<const char*>(text.data()), text.size()}};
}

Result<IdsView> parse_ids_section(std::span<const std::byte> section, std::uint32_t rows,
                                  std::uint64_t section_offset) {
  if (section.size() < kIdsHeaderBytes) {
    return corrupt_at(section_offset, "header of the ids section", fmt::format("{} bytes", kIdsHeaderBytes),
                      section.size());
  }
  const auto layout = load_le<std::uint32_t>(section, kAtIdsLayout);
  if (layout > static_cast<std::uint32_t>(IdsLayout::kMixed)) {
    return corrupt_at(section_offset + kAtIdsLayout, "layout of ids", "0 or 1", layout);
  }
  IdsView view;
  view.section_ = section;
  view.header_ = {static_cast<IdsLayout>(layout), load_le<std::uint32_t>(section, kAtIdsRows),
                  load_le<std::uint64_t>(section, kAtIdsTextBytes)};
  if (view.header_.rows != rows) {
    return corrupt_at(section_offset + kAtIdsRows, "rows of ids", rows, view.header_.rows);
  }
  const std::uint64_t texts_max = view.header_.layout == IdsLayout::kNumbers ? 0 : kTextBytesMax;
  if (view.header_.text_bytes > texts_max) {
    return corrupt_at(section_offset + kAtIdsTextBytes, "bytes of texts", fmt::format("at most {}", texts_max),
                      view.header_.text_bytes);
  }
  for (std::size_t i = kAtIdsReserved; i < kIdsHeaderBytes; ++i) {
    if (section[i] != std::byte{0}) {
      return corrupt_at(section_offset + i, "reserved byte", 0, std::to_integer<int>(section[i]));
    }
  }
  if (const std::uint64_t bytes = view.texts_offset() + view.header_.text_bytes; bytes != section.size()) {
    return corrupt_at(section_offset, "length of the ids section", bytes, section.size());
  }
  return view;
}

Status check_ids(const IdsView& ids, std::uint64_t section_offset) {
  std::uint64_t texts_end = 0;
  for (std::uint32_t row = 0; row < ids.rows(); ++row) {
    if (!ids.is_text(row)) {
      continue;
    }
    const std::uint64_t at = ids.slot(row);
    if (!ids.is_in_range(row) || text_begin(at) != texts_end) {
      return corrupt_at(section_offset + IdsView::slot_offset(row), fmt::format("text of the id of row {}", row),
                        fmt::format("one from {} within {} bytes", texts_end, ids.header().text_bytes),
                        fmt::format("{} bytes from {}", text_length(at), text_begin(at)));
    }
    texts_end += text_length(at);
  }
  if (texts_end != ids.header().text_bytes) {
    return corrupt_at(section_offset + kAtIdsTextBytes, "bytes of texts", texts_end, ids.header().text_bytes);
  }
  if (const std::uint32_t last = ids.rows() % kIdsWordRows; ids.header().layout == IdsLayout::kMixed && last != 0) {
    const std::uint64_t word_offset = ids.kinds_offset() + ids.rows() / kIdsWordRows * sizeof(std::uint64_t);
    const std::uint64_t word = ids.last_kinds_word();
    if (word >> last != 0) {
      return corrupt_at(section_offset + word_offset, "bits behind the last row", 0, word >> last);
    }
  }
  return ok_status();
}

}  // namespace vibrato::format
