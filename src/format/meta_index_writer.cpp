#include "format/meta_index_writer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <roaring/roaring.h>
#include <string_view>
#include <vibrato/check.hpp>

namespace vibrato::format {
namespace {

struct FreeBitmap {
  void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, FreeBitmap>;

class Encoder {
 public:
  explicit Encoder(std::uint32_t row_count) : row_count_(row_count) { out_.resize(sizeof(MetaIndexHeader)); }

  std::vector<std::byte> encode(std::span<const MetaField> fields, std::span<const std::uint32_t> overflow) {
    std::vector<MetaFieldEntry> entries;
    entries.reserve(fields.size());
    for (const MetaField& field : fields) {
      entries.push_back(put_field(field));
    }
    MetaIndexHeader header;
    header.row_count = row_count_;
    header.field_count = static_cast<std::uint32_t>(entries.size());
    header.overflow = put_set(overflow);
    header.fields = put_array(std::span<const MetaFieldEntry>(entries));
    std::memcpy(out_.data(), &header, sizeof(header));
    return std::move(out_);
  }

 private:
  std::uint64_t put(const void* data, std::size_t size, std::size_t alignment) {
    out_.resize((out_.size() + alignment - 1) / alignment * alignment);
    const std::uint64_t offset = out_.size();
    const auto* bytes = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
    return offset;
  }
  template <typename T>
  std::uint64_t put_array(std::span<const T> values) {
    return put(values.data(), values.size_bytes(), alignof(T));
  }

  MetaSetRef put_set(std::span<const std::uint32_t> rows) {
    MetaSetRef set;
    set.count = static_cast<std::uint32_t>(rows.size());
    if (rows.size() == 1) {
      set.offset = rows[0];
    } else if (!rows.empty() && rows.size() <= kMetaListMax) {
      set.bytes = static_cast<std::uint32_t>(rows.size_bytes());
      set.offset = put_array(rows);
    } else if (!rows.empty()) {
      const Bitmap bitmap(roaring_bitmap_of_ptr(rows.size(), rows.data()));
      VIBRATO_CHECK(bitmap != nullptr);
      roaring_bitmap_run_optimize(bitmap.get());
      std::vector<char> bytes(roaring_bitmap_portable_size_in_bytes(bitmap.get()));
      roaring_bitmap_portable_serialize(bitmap.get(), bytes.data());
      set.bytes = static_cast<std::uint32_t>(bytes.size());
      set.offset = put(bytes.data(), bytes.size(), alignof(std::uint64_t));
    }
    return set;
  }

  std::uint64_t put_strings(const MetaField::Strings& strings) {
    std::vector<MetaStringEntry> entries;
    entries.reserve(strings.size());
    for (const auto& [text, rows] : strings) {
      MetaStringEntry entry;
      entry.text_offset = put(text.data(), text.size(), 1);
      entry.text_bytes = static_cast<std::uint32_t>(text.size());
      entry.rows = put_set(rows);
      entries.push_back(entry);
    }
    return put_array(std::span<const MetaStringEntry>(entries));
  }

  static bool is_single(const MetaField::Column& column) {
    std::vector<std::uint32_t> rows;
    rows.reserve(column.size());
    for (const auto& [key, row] : column) {
      rows.push_back(row);
    }
    std::sort(rows.begin(), rows.end());
    return std::adjacent_find(rows.begin(), rows.end()) == rows.end();
  }

  MetaColumnRef put_column(const MetaField::Column& column) {
    MetaColumnRef ref;
    ref.count = static_cast<std::uint32_t>(column.size());
    if (column.empty()) {
      return ref;
    }
    std::vector<double> keys;
    std::vector<std::uint32_t> rests;
    std::vector<std::uint32_t> rows;
    for (const auto& [key, row] : column) {
      keys.push_back(key.base);
      rests.push_back(key.rest);
      rows.push_back(row);
    }
    ref.keys = put_array(std::span<const double>(keys));
    if (std::any_of(rests.begin(), rests.end(), [](std::uint32_t rest) { return rest != 0; })) {
      ref.rests = put_array(std::span<const std::uint32_t>(rests));
    }
    ref.rows = put_array(std::span<const std::uint32_t>(rows));
    if (column.size() >= kMetaCutsMin) {
      ref.is_single = is_single(column) ? 1 : 0;
      put_cuts(rows, ref);
    }
    return ref;
  }

  void put_cuts(const std::vector<std::uint32_t>& rows, MetaColumnRef& ref) {
    const std::size_t step = std::max<std::size_t>(kMetaCutsMin / 4, (rows.size() + kMetaCutsMax - 1) / kMetaCutsMax);
    std::vector<MetaSetRef> cuts;
    for (std::size_t begin = 0; begin + step <= rows.size(); begin += step) {
      const auto first = rows.begin() + static_cast<std::ptrdiff_t>(ref.is_single != 0 ? 0 : begin);
      std::vector<std::uint32_t> cut(first, rows.begin() + static_cast<std::ptrdiff_t>(begin + step));
      std::sort(cut.begin(), cut.end());
      cut.erase(std::unique(cut.begin(), cut.end()), cut.end());
      cuts.push_back(put_set(cut));
    }
    ref.cut_step = static_cast<std::uint32_t>(step);
    ref.cut_count = static_cast<std::uint32_t>(cuts.size());
    ref.cuts = put_array(std::span<const MetaSetRef>(cuts));
  }

  MetaFieldEntry put_field(const MetaField& field) {
    MetaFieldEntry entry;
    entry.key_offset = put(field.key.data(), field.key.size(), 1);
    entry.key_bytes = static_cast<std::uint32_t>(field.key.size());
    for (std::size_t kind = 0; kind < kMetaSetKinds; ++kind) {
      entry.sets[kind] = put_set(field.sets[kind]);
    }
    entry.string_count = static_cast<std::uint32_t>(field.strings.size());
    entry.strings = put_strings(field.strings);
    entry.numbers = put_column(field.numbers);
    entry.times = put_column(field.times);
    return entry;
  }

  std::uint32_t row_count_;
  std::vector<std::byte> out_;
};

}  // namespace

std::vector<std::byte> encode_meta_index(std::uint32_t row_count, std::span<const MetaField> fields,
                                         std::span<const std::uint32_t> overflow) {
  return Encoder(row_count).encode(fields, overflow);
}

}  // namespace vibrato::format
