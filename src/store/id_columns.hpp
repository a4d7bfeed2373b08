// What the log adds to the rows of a `.vdb` file while it is written: ids and LSNs, row by row, and then the tables to
// find and order ids by. For the writers of segments.
//
// Ids and LSNs wait in spools, so that memory does not grow with the rows. The tables are computed over all rows, with
// 4 bytes a row for the order and 11 for the hash.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "format/id_hash.hpp"
#include "store/section_spool.hpp"
#include "store/vdb_row_writer.hpp"

namespace vibrato::store {

// Not thread-safe.
class IdColumns {
 public:
  // `path_prefix` starts the names of temporary files.
  IdColumns(io::FileSystem& fs, const std::string& path_prefix);

  // Errors: kInvalidArgument for a text over format::kIdTextBytesMax or an LSN of 0; those of the file system.
  [[nodiscard]] Status add(const PointIdView& id, Lsn lsn);
  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  // Of the rows so far; 0 without any.
  [[nodiscard]] Lsn first_lsn() const { return first_lsn_; }
  [[nodiscard]] Lsn last_lsn() const { return last_lsn_; }

  // Writes the sections row_lsns and ids. No add any more.
  [[nodiscard]] Status write(VdbWriter& writer);

 private:
  [[nodiscard]] Status write_ids(VdbWriter& writer);

  SectionSpool lsns_;
  SectionSpool slots_;
  SectionSpool kinds_;
  SectionSpool texts_;
  bool has_texts_ = false;
  std::uint64_t kinds_word_ = 0;  // Of the rows since the last multiple of 64.
  std::uint32_t rows_ = 0;
  Lsn first_lsn_;
  Lsn last_lsn_;
};

using LsnOfRow = std::function<std::uint64_t(std::uint32_t row)>;

// Rows [0, rows) sorted by id, of equal ids the newest first: by LSN, then by row.
[[nodiscard]] std::vector<std::uint32_t> order_by_id(std::uint32_t rows, const format::IdOfRow& id_of,
                                                     const LsnOfRow& lsn_of);

// Writes the sections id_order and id_hash of rows [0, rows).
[[nodiscard]] Status write_id_tables(VdbWriter& writer, std::uint32_t rows, const format::IdOfRow& id_of,
                                     const LsnOfRow& lsn_of);
// The same for rows of a file, which must have ids. Its blocks are not checked: it was written just now.
// Errors: kCorruption.
[[nodiscard]] Status write_id_tables(VdbWriter& writer, const VdbFile& rows);

}  // namespace vibrato::store
