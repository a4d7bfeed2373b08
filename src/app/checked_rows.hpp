// The rows of an input file with the meta of another beside them, each checked: one dim, finite numbers, no zero vector
// under cosine. What is wrong is told with the row's number and its place in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "app/json_rows.hpp"
#include "app/row_source.hpp"
#include "io/file_system.hpp"

namespace vibrato::app {

struct RowFiles {
  std::string input;
  std::optional<InputFormat> format;  // Absent: told from the input.
  std::optional<std::string> meta;    // A file with the meta of row 0, 1, ... a line, for all rows.
};

// Thread-safety: one thread at a time.
class CheckedRows {
 public:
  // Errors: those of open_row_source and detect_input_format.
  [[nodiscard]] static Result<CheckedRows> open(io::FileSystem& fs, RowFiles files, Metric metric);

  // Fills row() with the next one; false at the end. Errors: kInvalidArgument, kInvalidJson, kDimMismatch and the like
  // for the first row that cannot be taken, and for meta that is left over at the end; those of the file system.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] const InputRow& row() const { return row_; }
  // "<file>: row 17 (line 18)", of the newest row.
  [[nodiscard]] std::string place() const;

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint32_t dim() const { return dim_; }  // 0 before the first row.
  [[nodiscard]] const RowSource& source() const { return *source_; }

 private:
  CheckedRows(RowFiles files, Metric metric) : files_(std::move(files)), metric_(metric) {}

  Result<bool> read_row();
  Status check_end();

  RowFiles files_;
  Metric metric_;
  std::unique_ptr<RowSource> source_;
  std::optional<MetaLines> meta_;
  InputRow row_;
  std::uint64_t rows_ = 0;
  std::uint32_t dim_ = 0;
};

}  // namespace vibrato::app
