// The RowView of a RowStore: a read transaction on the file, and over it a copy of the overlay's rows of the range.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "overlay/overlay_map.hpp"
#include "overlay/reader_pool.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::overlay {

class MergedView final : public RowView {
 public:
  // As of `as_of`, or of what is visible by now if that is above.
  [[nodiscard]] static Result<std::unique_ptr<RowView>> open(const OverlayMap& overlay, ReaderPool& pool,
                                                             KeyRange range, Lsn as_of, std::size_t rows_above_max);
  ~MergedView() override;

  [[nodiscard]] Lsn as_of() const override { return as_of_; }
  [[nodiscard]] bool is_cut() const override { return is_cut_; }
  [[nodiscard]] Result<RowPtr> get(std::string_view key) override;
  [[nodiscard]] Result<std::optional<RowEntry>> next() override;
  [[nodiscard]] Status seek(std::string_view key) override;
  [[nodiscard]] sqlite::Connection& file() override { return *reader_->connection; }
  [[nodiscard]] const RowMap& above() const override { return above_; }

 private:
  // A scan of the file, with the row that comes next.
  struct Scan {
    Scan(sqlite::Statement& statement, std::string_view from) : rows(statement.run(bytes_of_key(from))) {}
    Scan(sqlite::Statement& statement, std::string_view from, std::string_view to)
        : rows(statement.run(bytes_of_key(from), bytes_of_key(to))) {}
    [[nodiscard]] Status step();

    sqlite::Rows rows;
    bool has_row = false;
    std::string_view key;  // Of the row; borrowed from the statement.
  };

  MergedView(ReaderPool::Lease reader, sqlite::ReadTransaction transaction, KeyRange range);
  [[nodiscard]] Result<RowEntry> take_from_file();

  ReaderPool::Lease reader_;
  sqlite::ReadTransaction transaction_;
  KeyRange range_;
  Lsn as_of_;
  bool is_cut_ = false;
  RowMap above_;
  RowMap::const_iterator next_above_;
  std::unique_ptr<Scan> scan_;
};

}  // namespace vibrato::overlay
