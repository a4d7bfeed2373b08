// The ids and LSNs of the rows of one `.vdb` file, looked up straight from its map.
//
// Opening reads the headers of the sections; memory is that of this object. The blocks that a lookup uses are checked
// on their first use, so that damage shows as an error and not as a point that is missing. Rows, offsets and chains
// that stored bytes name are checked on every use, whatever the checksums say.
// Thread-safety: immutable; all methods may be called from many threads at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "format/id_hash.hpp"
#include "format/id_section.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::store {

class IdIndex {
 public:
  // Whether the rows of the file have ids.
  [[nodiscard]] static bool is_in(const VdbFile& file);
  // Borrows `file`. Errors: kCorruption (also for a file without ids).
  [[nodiscard]] static Result<IdIndex> open(const VdbFile& file);

  [[nodiscard]] std::uint32_t rows() const { return ids_.rows(); }
  // How many different ids there are, as the hash says; nothing if the file has none.
  [[nodiscard]] std::optional<std::uint32_t> distinct_count() const {
    return hash_ ? std::optional(hash_->entry_count()) : std::nullopt;
  }

  // The newest row of the id; nothing if no row has it. One cache line for most ids that are not there.
  // Errors: kCorruption, as all below.
  [[nodiscard]] Result<std::optional<std::uint32_t>> find(const PointIdView& id) const;
  // Borrowed from the file. Requires: row < rows().
  [[nodiscard]] Result<PointIdView> id(std::uint32_t row) const;
  // Requires: row < rows().
  [[nodiscard]] Result<Lsn> row_lsn(std::uint32_t row) const;

  // Whether the file holds the order of ids; without it, at_rank and rank must not be called.
  [[nodiscard]] bool has_order() const { return !order_.empty() || rows() == 0; }
  // The row at a place of the order: by id, of equal ids the newest first. Requires: rank < rows().
  [[nodiscard]] Result<std::uint32_t> at_rank(std::uint32_t rank) const;
  // The place of the first row whose id is not below `id`; rows() if there is none.
  [[nodiscard]] Result<std::uint32_t> lower_bound(const PointIdView& id) const;
  // The place of a row. Requires: row < rows().
  [[nodiscard]] Result<std::uint32_t> rank(std::uint32_t row) const;

  // Checks ids, LSNs, order and hash by themselves and against each other: every id is found, and finds its newest row.
  // The blocks must have been checked. Memory: a bit a row.
  [[nodiscard]] Status verify() const;

  // As stored, without checking a block.
  [[nodiscard]] const format::IdsView& ids() const { return ids_; }
  [[nodiscard]] std::uint64_t stored_lsn(std::uint32_t row) const;

 private:
  explicit IdIndex(const VdbFile& file) : file_(&file) {}

  [[nodiscard]] Result<std::optional<std::uint32_t>> find_by_hash(const PointIdView& id) const;
  [[nodiscard]] Result<std::optional<std::uint32_t>> find_by_order(const PointIdView& id) const;
  // Without hash and order: every row.
  [[nodiscard]] Result<std::optional<std::uint32_t>> find_by_scan(const PointIdView& id) const;
  // Whether `a` is a newer row than `b` of the same id.
  [[nodiscard]] bool is_newer(std::uint32_t a, std::uint32_t b) const;
  [[nodiscard]] Status verify_lsns() const;
  [[nodiscard]] Status verify_order() const;
  [[nodiscard]] Status verify_lookups() const;
  // With the path of the file.
  [[nodiscard]] Status in_file(const Status& status) const { return status.with_context(file_->path()); }

  const VdbFile* file_;
  format::IdsView ids_;
  std::uint64_t ids_offset_ = 0;  // Of the sections in the file.
  std::uint64_t lsns_offset_ = 0;
  std::uint64_t order_offset_ = 0;
  std::uint64_t hash_offset_ = 0;
  std::span<const std::byte> lsns_;
  std::span<const std::byte> order_;  // Empty if the file has none.
  std::optional<format::IdHashView> hash_;
};

}  // namespace vibrato::store
