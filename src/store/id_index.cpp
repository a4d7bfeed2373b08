#include "store/id_index.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "format/corrupt_at.hpp"

namespace vibrato::store {

using format::SectionKind;

bool IdIndex::is_in(const VdbFile& file) {
  return file.layout().find(SectionKind::kIds) != nullptr;
}

Result<IdIndex> IdIndex::open(const VdbFile& file) {
  const auto* ids = file.layout().find(SectionKind::kIds);
  const auto* lsns = file.layout().find(SectionKind::kRowLsns);
  if (ids == nullptr || lsns == nullptr) {
    return format::corrupt_at(file.layout().section_table_offset, "section table", "ids and row_lsns",
                              ids == nullptr ? "no ids" : "no row_lsns")
        .with_context(file.path());
  }
  IdIndex index(file);
  index.ids_offset_ = ids->offset;
  index.lsns_offset_ = lsns->offset;
  index.lsns_ = *file.section(SectionKind::kRowLsns);
  auto view = format::parse_ids_section(*file.section(SectionKind::kIds), file.rows(), ids->offset);
  VIBRATO_RETURN_IF_ERROR(index.in_file(view.status()));
  index.ids_ = *view;
  if (const auto* order = file.layout().find(SectionKind::kIdOrder); order != nullptr) {
    index.order_offset_ = order->offset;
    index.order_ = *file.section(SectionKind::kIdOrder);
  }
  if (const auto* table = file.layout().find(SectionKind::kIdHash); table != nullptr) {
    index.hash_offset_ = table->offset;
    auto hash = format::parse_id_hash_section(*file.section(SectionKind::kIdHash), file.rows(), table->offset);
    VIBRATO_RETURN_IF_ERROR(index.in_file(hash.status()));
    index.hash_ = *hash;
  }
  return index;
}

std::uint64_t IdIndex::stored_lsn(std::uint32_t row) const {
  return format::load_le<std::uint64_t>(lsns_, std::size_t{row} * sizeof(std::uint64_t));
}

Result<Lsn> IdIndex::row_lsn(std::uint32_t row) const {
  VIBRATO_CHECK(row < rows());
  const std::uint64_t at = std::uint64_t{row} * sizeof(std::uint64_t);
  VIBRATO_RETURN_IF_ERROR(file_->check_once(lsns_offset_ + at, sizeof(std::uint64_t)));
  return Lsn(stored_lsn(row));
}

Result<PointIdView> IdIndex::id(std::uint32_t row) const {
  VIBRATO_CHECK(row < rows());
  VIBRATO_RETURN_IF_ERROR(file_->check_once(ids_offset_ + format::IdsView::slot_offset(row), sizeof(std::uint64_t)));
  if (ids_.header().layout == format::IdsLayout::kMixed) {
    const std::uint64_t word = ids_.kinds_offset() + row / format::kIdsWordRows * sizeof(std::uint64_t);
    VIBRATO_RETURN_IF_ERROR(file_->check_once(ids_offset_ + word, sizeof(std::uint64_t)));
  }
  if (!ids_.is_in_range(row)) {
    return in_file(format::corrupt_at(ids_offset_ + format::IdsView::slot_offset(row),
                                      fmt::format("text of the id of row {}", row),
                                      fmt::format("one within {} bytes", ids_.header().text_bytes), ids_.slot(row)));
  }
  const PointIdView id = ids_.get(row);
  if (!id.text.empty()) {
    VIBRATO_RETURN_IF_ERROR(file_->check_once(ids_offset_ + ids_.offset_of(id.text), id.text.size()));
  }
  return id;
}

Result<std::optional<std::uint32_t>> IdIndex::find(const PointIdView& id) const {
  if (rows() == 0) {
    return std::optional<std::uint32_t>();
  }
  return hash_ ? find_by_hash(id) : has_order() ? find_by_order(id) : find_by_scan(id);
}

Result<std::optional<std::uint32_t>> IdIndex::find_by_hash(const PointIdView& id) const {
  const std::uint64_t hash = format::stored_id_hash(id, hash_->seed());
  const std::uint16_t fingerprint = format::IdHashView::fingerprint_of(hash);
  std::uint32_t at = hash_->home_of(hash);
  for (std::uint32_t probe = 0; probe < std::min(format::kIdHashProbesMax, hash_->bucket_count()); ++probe) {
    const std::uint64_t offset = hash_offset_ + format::IdHashView::bucket_offset(at);
    VIBRATO_RETURN_IF_ERROR(file_->check_once(offset, format::kIdHashBucketBytes));
    const format::IdHashBucket bucket = hash_->bucket(at);
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(bucket.count, format::kIdHashBucketRows); ++i) {
      if (bucket.fingerprints[i] != fingerprint) {
        continue;
      }
      if (bucket.rows[i] >= rows()) {
        return in_file(
            format::corrupt_at(offset, "row in the id hash", fmt::format("one below {}", rows()), bucket.rows[i]));
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView found, this->id(bucket.rows[i]));
      if (found == id) {
        return std::optional(bucket.rows[i]);
      }
    }
    if (bucket.goes_on == 0) {
      break;
    }
    at = at + 1 == hash_->bucket_count() ? 0 : at + 1;
  }
  return std::optional<std::uint32_t>();
}

Result<std::optional<std::uint32_t>> IdIndex::find_by_order(const PointIdView& id) const {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t rank, lower_bound(id));
  if (rank == rows()) {
    return std::optional<std::uint32_t>();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, at_rank(rank));
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView found, this->id(row));
  return found == id ? std::optional(row) : std::nullopt;
}

Result<std::optional<std::uint32_t>> IdIndex::find_by_scan(const PointIdView& id) const {
  std::optional<std::uint32_t> newest;
  for (std::uint32_t row = 0; row < rows(); ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView found, this->id(row));
    if (found == id) {
      VIBRATO_RETURN_IF_ERROR(row_lsn(row).status());
      newest = !newest || is_newer(row, *newest) ? row : *newest;
    }
  }
  return newest;
}

bool IdIndex::is_newer(std::uint32_t a, std::uint32_t b) const {
  return stored_lsn(a) != stored_lsn(b) ? stored_lsn(a) > stored_lsn(b) : a > b;
}

Result<std::uint32_t> IdIndex::at_rank(std::uint32_t rank) const {
  VIBRATO_CHECK(has_order() && rank < rows());
  const std::uint64_t at = std::uint64_t{rank} * sizeof(std::uint32_t);
  VIBRATO_RETURN_IF_ERROR(file_->check_once(order_offset_ + at, sizeof(std::uint32_t)));
  const auto row = format::load_le<std::uint32_t>(order_, at);
  if (row >= rows()) {
    return in_file(
        format::corrupt_at(order_offset_ + at, "row in the order of ids", fmt::format("one below {}", rows()), row));
  }
  return row;
}

Result<std::uint32_t> IdIndex::lower_bound(const PointIdView& id) const {
  std::uint32_t begin = 0;
  std::uint32_t end = rows();
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, at_rank(middle));
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView found, this->id(row));
    if (found < id) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

Result<std::uint32_t> IdIndex::rank(std::uint32_t row) const {
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView wanted, id(row));
  VIBRATO_RETURN_IF_ERROR(row_lsn(row).status());
  std::uint32_t begin = 0;
  std::uint32_t end = rows();
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t other, at_rank(middle));
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView found, id(other));
    VIBRATO_RETURN_IF_ERROR(row_lsn(other).status());
    if (found < wanted || (found == wanted && is_newer(other, row))) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  if (begin < rows()) {
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t found, at_rank(begin));
    if (found == row) {
      return begin;
    }
  }
  return in_file(format::corrupt_at(order_offset_, "order of ids", fmt::format("row {} in its place", row), "another"));
}

Status IdIndex::verify() const {
  VIBRATO_RETURN_IF_ERROR(verify_lsns());
  VIBRATO_RETURN_IF_ERROR(in_file(format::check_ids(ids_, ids_offset_)));
  if (!order_.empty()) {
    VIBRATO_RETURN_IF_ERROR(verify_order());
  }
  if (hash_) {
    VIBRATO_RETURN_IF_ERROR(in_file(format::check_id_hash(*hash_, rows(), hash_offset_)));
  }
  return hash_ || !order_.empty() ? verify_lookups() : ok_status();
}

Status IdIndex::verify_lsns() const {
  const format::VdbLayout& layout = file_->layout();
  std::uint64_t first = rows() == 0 ? 0 : std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;
  for (std::uint32_t row = 0; row < rows(); ++row) {
    first = std::min(first, stored_lsn(row));
    last = std::max(last, stored_lsn(row));
  }
  const bool is_written = rows() == 0 || first > 0;
  if (!is_written || first != layout.first_lsn || last != layout.last_lsn) {
    return in_file(format::corrupt_at(lsns_offset_, "LSNs of the rows",
                                      fmt::format("{} to {}", layout.first_lsn, layout.last_lsn),
                                      fmt::format("{} to {}", first, last)));
  }
  return ok_status();
}

// Each row is greater than the one before it, so none comes twice, and all of them are there.
Status IdIndex::verify_order() const {
  std::optional<std::uint32_t> before;
  for (std::uint32_t rank = 0; rank < rows(); ++rank) {
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, at_rank(rank));
    if (before) {
      const auto ids = ids_.get(*before) <=> ids_.get(row);
      if (ids > 0 || (ids == 0 && !is_newer(*before, row))) {
        return in_file(format::corrupt_at(order_offset_ + std::uint64_t{rank} * sizeof(std::uint32_t), "order of ids",
                                          fmt::format("a row behind row {}", *before), fmt::format("row {}", row)));
      }
    }
    before = row;
  }
  return ok_status();
}

// Every row's id finds a row of that id, none older; as many rows as there are entries are what their ids find.
Status IdIndex::verify_lookups() const {
  std::uint64_t newest_rows = 0;
  for (std::uint32_t row = 0; row < rows(); ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const auto found, find(ids_.get(row)));
    if (!found || is_newer(row, *found)) {
      return in_file(format::corrupt_at(hash_ ? hash_offset_ : order_offset_, fmt::format("id of row {}", row),
                                        "its newest row", found ? fmt::format("row {}", *found) : "none"));
    }
    newest_rows += *found == row ? 1 : 0;
  }
  if (hash_ && newest_rows != hash_->entry_count()) {
    return in_file(format::corrupt_at(hash_offset_, "ids in the id hash", newest_rows, hash_->entry_count()));
  }
  return ok_status();
}

}  // namespace vibrato::store
