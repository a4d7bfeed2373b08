#include "app/checked_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/limits.hpp"

namespace vibrato::app {
namespace {

Status check_vector(const std::vector<float>& vector, std::uint32_t dim, Metric metric) {
  if (vector.empty()) return invalid_argument("the vector is empty");
  if (vector.size() > limits::kDimMax) {
    return invalid_argument("the vector has " + std::to_string(vector.size()) + " numbers, the limit is " +
                            std::to_string(limits::kDimMax));
  }
  if (dim != 0 && vector.size() != dim) {
    return {ErrorCode::kDimMismatch, "the vector has " + std::to_string(vector.size()) +
                                         " numbers, those before it have " + std::to_string(dim)};
  }
  const auto bad = std::find_if(vector.begin(), vector.end(), [](float x) { return !std::isfinite(x); });
  if (bad != vector.end()) {
    return invalid_argument("element " + std::to_string(bad - vector.begin()) +
                            " of the vector is not a finite number");
  }
  const bool is_zero = std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0.0F; });
  if (metric == Metric::kCosine && is_zero) {
    return invalid_argument("the vector is all zeros, which has no direction for the cosine metric");
  }
  return ok_status();
}

}  // namespace

Result<CheckedRows> CheckedRows::open(io::FileSystem& fs, RowFiles files, Metric metric) {
  CheckedRows rows(std::move(files), metric);
  std::optional<InputFormat> format = rows.files_.format;
  if (!format) {
    VIBRATO_ASSIGN_OR_RETURN(format, detect_input_format(fs, rows.files_.input));
  }
  VIBRATO_ASSIGN_OR_RETURN(rows.source_, open_row_source(fs, rows.files_.input, *format));
  if (rows.files_.meta) {
    VIBRATO_ASSIGN_OR_RETURN(MetaLines meta, MetaLines::open(fs, *rows.files_.meta));
    rows.meta_.emplace(std::move(meta));
  }
  return rows;
}

Result<bool> CheckedRows::next() {
  Result<bool> found = read_row();
  if (!found.ok()) {
    std::string place = files_.input + ": row " + std::to_string(rows_);
    if (const std::string position = source_->position(); !position.empty()) place += " (" + position + ")";
    return found.status().with_context(place);
  }
  if (*found) {
    ++rows_;
    return true;
  }
  VIBRATO_RETURN_IF_ERROR(check_end());
  return false;
}

Result<bool> CheckedRows::read_row() {
  VIBRATO_ASSIGN_OR_RETURN(const bool found, source_->next(row_));
  if (!found) return false;
  VIBRATO_RETURN_IF_ERROR(check_vector(row_.vector, dim_, metric_));
  dim_ = static_cast<std::uint32_t>(row_.vector.size());
  if (!meta_) return true;
  if (!row_.meta_json.empty()) return invalid_argument("the row has meta of its own, and --meta gives it another");
  Result<bool> meta_found = meta_->next(row_.meta_json);
  if (!meta_found.ok()) return meta_found.status().with_context(*files_.meta);
  if (!*meta_found) return invalid_argument(*files_.meta + ": there is no line left for this row");
  return true;
}

Status CheckedRows::check_end() {
  if (rows_ == 0) return invalid_argument(files_.input + ": there are no rows in it");
  if (!meta_) return ok_status();
  Result<bool> more = meta_->next(row_.meta_json);
  if (!more.ok()) return more.status().with_context(*files_.meta);
  if (!*more) return ok_status();
  return invalid_argument(*files_.meta + ": there are more lines than the " + std::to_string(rows_) + " rows of " +
                          files_.input);
}

std::string CheckedRows::place() const {
  std::string place = files_.input + ": row " + std::to_string(rows_ == 0 ? 0 : rows_ - 1);
  if (const std::string position = source_->position(); !position.empty()) place += " (" + position + ")";
  return place;
}

}  // namespace vibrato::app
