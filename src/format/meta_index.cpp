#include "format/meta_index.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vibrato/check.hpp>

#include "format/corrupt_at.hpp"

namespace vibrato::format {

static_assert(std::endian::native == std::endian::little);

Result<std::span<const std::byte>> MetaIndexView::bytes_at(std::uint64_t offset, std::uint64_t length) const {
  if (offset > bytes_.size() || length > bytes_.size() - offset) {
    return corrupt_at(offset, "bytes of the meta index", length, offset > bytes_.size() ? 0 : bytes_.size() - offset);
  }
  if (check_) {
    VIBRATO_RETURN_IF_ERROR(check_(offset, length));
  }
  return bytes_.subspan(offset, length);
}

template <typename T>
Result<T> MetaIndexView::read(std::uint64_t offset) const {
  static_assert(std::is_trivially_copyable_v<T>);
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, bytes_at(offset, sizeof(T)));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Indexes are below 2^32 and elements below 2^8 bytes, so that only the sum can overflow.
template <typename T>
Result<T> MetaIndexView::read(std::uint64_t array, std::uint64_t index) const {
  const std::uint64_t offset = array + index * sizeof(T);
  if (offset < array) {
    return corrupt_at(array, "offset of an array", "within the meta index", array);
  }
  return read<T>(offset);
}

Result<MetaIndexView> MetaIndexView::open(std::span<const std::byte> bytes, std::uint32_t row_count, Check check) {
  MetaIndexView view;
  view.bytes_ = bytes;
  VIBRATO_ASSIGN_OR_RETURN(view.header_, view.read<MetaIndexHeader>(0));
  view.check_ = std::move(check);
  const MetaIndexHeader& header = view.header_;
  if (header.version != kMetaIndexVersion) {
    return corrupt_at(0, "version of the meta index", kMetaIndexVersion, header.version);
  }
  if (header.row_count != row_count) {
    return corrupt_at(4, "rows of the meta index", row_count, header.row_count);
  }
  const std::uint64_t room = header.fields <= bytes.size() ? bytes.size() - header.fields : 0;
  if (std::uint64_t{header.field_count} * sizeof(MetaFieldEntry) > room) {
    return corrupt_at(8, "fields of the meta index", room / sizeof(MetaFieldEntry), header.field_count);
  }
  return view;
}

Status MetaIndexView::check_header() const {
  return check_ ? check_(0, sizeof(MetaIndexHeader)) : ok_status();
}

Result<MetaFieldEntry> MetaIndexView::field(std::uint32_t i) const {
  VIBRATO_CHECK(i < header_.field_count);
  VIBRATO_RETURN_IF_ERROR(check_header());
  return read<MetaFieldEntry>(header_.fields, i);
}

Result<std::string_view> MetaIndexView::key_of(const MetaFieldEntry& field) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, bytes_at(field.key_offset, field.key_bytes));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<std::optional<MetaFieldEntry>> MetaIndexView::find_field(std::string_view key) const {
  VIBRATO_RETURN_IF_ERROR(check_header());
  std::uint32_t low = 0;
  std::uint32_t high = header_.field_count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    VIBRATO_ASSIGN_OR_RETURN(const MetaFieldEntry entry, field(middle));
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view found, key_of(entry));
    if (found == key) {
      return std::optional(entry);
    }
    if (found < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::optional<MetaFieldEntry>();
}

Result<MetaIndexView::String> MetaIndexView::string(const MetaFieldEntry& field, std::uint32_t i) const {
  VIBRATO_CHECK(i < field.string_count);
  VIBRATO_ASSIGN_OR_RETURN(const MetaStringEntry entry, read<MetaStringEntry>(field.strings, i));
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, bytes_at(entry.text_offset, entry.text_bytes));
  return String{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}, entry.rows};
}

Result<std::uint32_t> MetaIndexView::lower_bound(const MetaFieldEntry& field, std::string_view text) const {
  std::uint32_t low = 0;
  std::uint32_t high = field.string_count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    VIBRATO_ASSIGN_OR_RETURN(const String found, string(field, middle));
    if (found.text < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<OrderKey> MetaIndexView::key_at(const MetaColumnRef& column, std::uint32_t position) const {
  VIBRATO_CHECK(position < column.count);
  OrderKey key;
  VIBRATO_ASSIGN_OR_RETURN(key.base, read<double>(column.keys, position));
  if (column.rests != 0) {
    VIBRATO_ASSIGN_OR_RETURN(key.rest, read<std::uint32_t>(column.rests, position));
  }
  return key;
}

Result<std::uint32_t> MetaIndexView::lower_bound(const MetaColumnRef& column, const OrderKey& key, bool after) const {
  std::uint32_t low = 0;
  std::uint32_t high = column.count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    VIBRATO_ASSIGN_OR_RETURN(const OrderKey found, key_at(column, middle));
    if (found < key || (after && found == key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<std::span<const std::uint32_t>> MetaIndexView::rows_at(const MetaColumnRef& column, std::uint32_t first,
                                                              std::uint32_t end) const {
  VIBRATO_CHECK(first <= end && end <= column.count);
  const std::uint64_t offset = column.rows + std::uint64_t{first} * sizeof(std::uint32_t);
  if (offset < column.rows || offset % sizeof(std::uint32_t) != 0) {
    return corrupt_at(column.rows, "offset of a column", "aligned, within the meta index", column.rows);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, bytes_at(offset, std::uint64_t{end - first} * sizeof(std::uint32_t)));
  return std::span(reinterpret_cast<const std::uint32_t*>(bytes.data()), end - first);
}

Result<MetaSetRef> MetaIndexView::cut(const MetaColumnRef& column, std::uint32_t i) const {
  VIBRATO_CHECK(i < column.cut_count);
  return read<MetaSetRef>(column.cuts, i);
}

Result<std::vector<std::uint32_t>> MetaIndexView::list(const MetaSetRef& set) const {
  VIBRATO_CHECK(set.count <= kMetaListMax);
  std::vector<std::uint32_t> rows(set.count);
  if (set.count == 1) {
    rows[0] =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(set.offset, std::numeric_limits<std::uint32_t>::max()));
  }
  for (std::uint32_t i = 0; set.count > 1 && i < set.count; ++i) {
    VIBRATO_ASSIGN_OR_RETURN(rows[i], read<std::uint32_t>(set.offset, i));
  }
  return rows;
}

Result<RoaringReader> MetaIndexView::bitmap(const MetaSetRef& set) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, bytes_at(set.offset, set.bytes));
  return RoaringReader::open(bytes, header_.row_count);
}

}  // namespace vibrato::format
