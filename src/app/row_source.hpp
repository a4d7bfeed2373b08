// The rows of an input file, one at a time and in order, whatever its format. Sources read in bounded blocks: no file
// is ever held in memory whole. They check the form of the input; what a row must be like (one dim, finite numbers) is
// for the reader of the rows to check (ingest_rows.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::app {

struct InputRow {
  std::vector<float> vector;
  std::string meta_json;  // Compact JSON; empty: none.
  std::string id_json;    // As the row gives it, compact JSON of any kind; empty: none.
};

// Thread-safety: one thread at a time.
class RowSource {
 public:
  virtual ~RowSource() = default;

  // Fills `row` with the next row; false at the end. Errors: kInvalidArgument (malformed), kIoError.
  [[nodiscard]] virtual Result<bool> next(InputRow& row) = 0;
  // How many rows there will be, where the format says so.
  [[nodiscard]] virtual std::optional<std::uint64_t> rows_total() const { return std::nullopt; }
  // The share of the input that was read, 0 to 1.
  [[nodiscard]] virtual double share_done() const = 0;
  // Where the newest row stands in the file, for messages: "line 18"; empty if its number says it all.
  [[nodiscard]] virtual std::string position() const { return {}; }
};

enum class InputFormat : std::uint8_t { kJson, kJsonLines, kNpy, kFvecs, kBvecs };

// "json", "jsonl", "npy", "fvecs", "bvecs".
[[nodiscard]] std::optional<InputFormat> parse_input_format(std::string_view name);

// Goes by the name's ending, else by the first bytes. Errors: kInvalidArgument if neither tells, kNotFound, kIoError.
[[nodiscard]] Result<InputFormat> detect_input_format(io::FileSystem& fs, const std::string& path);

[[nodiscard]] Result<std::unique_ptr<RowSource>> open_row_source(io::FileSystem& fs, const std::string& path,
                                                                 InputFormat format);

}  // namespace vibrato::app
