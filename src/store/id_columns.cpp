#include "store/id_columns.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "format/id_section.hpp"
#include "store/id_index.hpp"

namespace vibrato::store {

using format::SectionKind;

namespace {

std::span<const std::byte> bytes_of_number(const std::uint64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

IdColumns::IdColumns(io::FileSystem& fs, const std::string& path_prefix)
    : lsns_(fs, path_prefix + ".lsns"),
      slots_(fs, path_prefix + ".ids"),
      kinds_(fs, path_prefix + ".kinds"),
      texts_(fs, path_prefix + ".texts") {}

Status IdColumns::add(const PointIdView& id, Lsn lsn) {
  if (id.text.size() > format::kIdTextBytesMax) {
    return invalid_argument(fmt::format("row {}: an id of {} bytes; at most {} can be stored", rows_, id.text.size(),
                                        format::kIdTextBytesMax));
  }
  if (lsn.value() == 0) {
    return invalid_argument(fmt::format("row {} has no LSN", rows_));
  }
  VIBRATO_RETURN_IF_ERROR(lsns_.append(bytes_of_number(lsn.value())));
  if (id.is_text) {
    const std::uint64_t slot = format::ids_text_slot(texts_.size_bytes(), id.text.size());
    VIBRATO_RETURN_IF_ERROR(slots_.append(bytes_of_number(slot)));
    VIBRATO_RETURN_IF_ERROR(texts_.append(std::as_bytes(std::span(id.text.data(), id.text.size()))));
    has_texts_ = true;
    kinds_word_ |= std::uint64_t{1} << (rows_ % format::kIdsWordRows);
  } else {
    VIBRATO_RETURN_IF_ERROR(slots_.append(bytes_of_number(id.number)));
  }
  first_lsn_ = rows_ == 0 ? lsn : std::min(first_lsn_, lsn);
  last_lsn_ = std::max(last_lsn_, lsn);
  ++rows_;
  if (rows_ % format::kIdsWordRows == 0) {
    VIBRATO_RETURN_IF_ERROR(kinds_.append(bytes_of_number(kinds_word_)));
    kinds_word_ = 0;
  }
  return ok_status();
}

Status IdColumns::write(VdbWriter& writer) {
  VIBRATO_RETURN_IF_ERROR(writer.begin_section(SectionKind::kRowLsns));
  VIBRATO_RETURN_IF_ERROR(lsns_.copy_to(writer));
  VIBRATO_RETURN_IF_ERROR(writer.end_section());
  VIBRATO_RETURN_IF_ERROR(writer.begin_section(SectionKind::kIds));
  VIBRATO_RETURN_IF_ERROR(write_ids(writer));
  return writer.end_section();
}

Status IdColumns::write_ids(VdbWriter& writer) {
  const auto layout = has_texts_ ? format::IdsLayout::kMixed : format::IdsLayout::kNumbers;
  VIBRATO_RETURN_IF_ERROR(writer.append(format::encode_ids_header({layout, rows_, texts_.size_bytes()})));
  VIBRATO_RETURN_IF_ERROR(slots_.copy_to(writer));
  if (!has_texts_) {
    return ok_status();
  }
  if (rows_ % format::kIdsWordRows != 0) {
    VIBRATO_RETURN_IF_ERROR(kinds_.append(bytes_of_number(kinds_word_)));
  }
  VIBRATO_RETURN_IF_ERROR(kinds_.copy_to(writer));
  return texts_.copy_to(writer);
}

std::vector<std::uint32_t> order_by_id(std::uint32_t rows, const format::IdOfRow& id_of, const LsnOfRow& lsn_of) {
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (const auto ids = id_of(a) <=> id_of(b); ids != 0) {
      return ids < 0;
    }
    const std::uint64_t lsn_a = lsn_of(a);
    const std::uint64_t lsn_b = lsn_of(b);
    return lsn_a != lsn_b ? lsn_a > lsn_b : a > b;
  });
  return order;
}

Status write_id_tables(VdbWriter& writer, std::uint32_t rows, const format::IdOfRow& id_of, const LsnOfRow& lsn_of) {
  std::vector<std::uint32_t> order = order_by_id(rows, id_of, lsn_of);
  VIBRATO_RETURN_IF_ERROR(write_section(writer, section_of(SectionKind::kIdOrder, std::as_bytes(std::span(order)))));
  order.erase(
      std::unique(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return id_of(a) == id_of(b); }),
      order.end());
  const auto hash = format::write_id_hash_section(order, id_of);
  return hash ? write_section(writer, section_of(SectionKind::kIdHash, *hash)) : ok_status();
}

Status write_id_tables(VdbWriter& writer, const VdbFile& rows) {
  VIBRATO_ASSIGN_OR_RETURN(const IdIndex index, IdIndex::open(rows));
  return write_id_tables(
      writer, rows.rows(), [&index](std::uint32_t row) { return index.ids().get(row); },
      [&index](std::uint32_t row) { return index.stored_lsn(row); });
}

}  // namespace vibrato::store
