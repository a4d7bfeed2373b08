// `.vdb` files of rows with ids, written as segments are, for tests.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "base/point_id.hpp"
#include "base/random.hpp"
#include "store/id_columns.hpp"
#include "store/id_index.hpp"
#include "store/vdb_file.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

struct IdRow {
  PointId id;
  Lsn lsn;
};

// Rows of two dimensions with `rows`' ids and LSNs, as a file or as a part of one. Ends the sections, not the file.
inline Status write_id_rows(store::VdbRowWriter& writer, io::FileSystem& fs, const std::string& spool_prefix,
                            const std::vector<IdRow>& rows, bool with_tables = true) {
  store::IdColumns columns(fs, spool_prefix);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    VIBRATO_RETURN_IF_ERROR(writer.add(std::vector<float>{static_cast<float>(i), 1}, ""));
    VIBRATO_RETURN_IF_ERROR(columns.add(rows[i].id.view(), rows[i].lsn));
  }
  VIBRATO_RETURN_IF_ERROR(writer.finish_rows());
  VIBRATO_RETURN_IF_ERROR(columns.write(writer.writer()));
  writer.writer().set_lsn_range(columns.first_lsn().value(), columns.last_lsn().value());
  if (!with_tables) {
    return ok_status();
  }
  return store::write_id_tables(
      writer.writer(), static_cast<std::uint32_t>(rows.size()),
      [&rows](std::uint32_t row) { return rows[row].id.view(); },
      [&rows](std::uint32_t row) { return rows[row].lsn.value(); });
}

inline Status write_id_file(io::FileSystem& fs, const std::string& path, const std::vector<IdRow>& rows,
                            bool with_tables = true) {
  VIBRATO_ASSIGN_OR_RETURN(const auto writer, store::VdbRowWriter::create(fs, path, {.dim = 2}));
  VIBRATO_RETURN_IF_ERROR(write_id_rows(*writer, fs, path, rows, with_tables));
  return writer->writer().commit();
}

// Numbers and texts of many lengths, some of them several times; LSNs in no order.
inline std::vector<IdRow> made_id_rows(std::uint32_t count, std::uint64_t seed, bool with_texts = true) {
  Random random(seed);
  std::vector<IdRow> rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t number = random.below(count);
    PointId id(number);
    if (with_texts && random.chance(0.5)) {
      id = PointId(std::string(number % 40, 'x') + std::to_string(number));
    }
    rows.push_back({std::move(id), Lsn(1 + std::uint64_t{i} * 7919 % (std::uint64_t{10} * count))});
  }
  return rows;
}

// The newest row of the id, looked for one by one.
inline std::optional<std::uint32_t> newest_row(const std::vector<IdRow>& rows, const PointIdView& id) {
  std::optional<std::uint32_t> newest;
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    if (rows[row].id.view() == id && (!newest || rows[row].lsn >= rows[*newest].lsn)) {
      newest = row;
    }
  }
  return newest;
}

}  // namespace vibrato::test
