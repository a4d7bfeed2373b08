#include "app/ingest_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "app/json_rows.hpp"
#include "base/limits.hpp"
#include "store/vdb_row_writer.hpp"

namespace vibrato::app {
namespace {

// A wrong --output must not cost anybody a file of another kind.
Status check_output(io::FileSystem& fs, const std::string& path) {
  constexpr std::string_view kMagicStart = "VIBDB";
  Result<std::unique_ptr<io::File>> file = fs.open(path, io::OpenMode::kReadOnly);
  if (!file.ok()) return file.status().code() == ErrorCode::kNotFound ? ok_status() : file.status();
  std::array<char, kMagicStart.size()> start{};
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t read, (*file)->read_at(0, std::as_writable_bytes(std::span(start))));
  if (std::string_view(start.data(), read) == kMagicStart) return ok_status();
  return invalid_argument(path + ": exists and is not a .vdb file; it is not replaced");
}

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

class Ingest {
 public:
  Ingest(io::FileSystem& fs, const IngestOptions& options) : fs_(fs), options_(options) {}

  Result<IngestReport> run(const IngestProgress& progress) {
    VIBRATO_RETURN_IF_ERROR(open_inputs());
    for (;;) {
      Result<bool> found = next_row();
      if (!found.ok()) return found.status().with_context(place_of_row());
      if (!*found) break;
      VIBRATO_RETURN_IF_ERROR(write_row());
      if (progress && !progress(writer_->rows(), source_->rows_total().value_or(0), source_->share_done())) {
        return Status(ErrorCode::kConflict,
                      "stopped after " + std::to_string(writer_->rows()) + " rows; nothing is written");
      }
    }
    VIBRATO_RETURN_IF_ERROR(check_end());
    VIBRATO_RETURN_IF_ERROR(writer_->commit());
    report_.rows = writer_->rows();
    return report_;
  }

 private:
  Status open_inputs() {
    VIBRATO_RETURN_IF_ERROR(check_output(fs_, options_.output));
    std::optional<InputFormat> format = options_.format;
    if (!format) {
      VIBRATO_ASSIGN_OR_RETURN(format, detect_input_format(fs_, options_.input));
    }
    VIBRATO_ASSIGN_OR_RETURN(source_, open_row_source(fs_, options_.input, *format));
    if (options_.meta) {
      VIBRATO_ASSIGN_OR_RETURN(MetaLines meta, MetaLines::open(fs_, *options_.meta));
      meta_.emplace(std::move(meta));
    }
    return ok_status();
  }

  // Reads and checks the next row and its meta.
  Result<bool> next_row() {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, source_->next(row_));
    if (!found) return false;
    VIBRATO_RETURN_IF_ERROR(check_vector(row_.vector, report_.dim, options_.metric));
    report_.dim = static_cast<std::uint32_t>(row_.vector.size());
    report_.ids_were_ignored = report_.ids_were_ignored || row_.has_ignored_id;
    if (!meta_) return true;
    if (!row_.meta_json.empty()) return invalid_argument("the row has meta of its own, and --meta gives it another");
    Result<bool> meta_found = meta_->next(row_.meta_json);
    if (!meta_found.ok()) return meta_found.status().with_context(*options_.meta);
    if (!*meta_found) return invalid_argument(*options_.meta + ": there is no line left for this row");
    return true;
  }

  // The writer needs the dim, which the first row brings.
  Status write_row() {
    if (!writer_) {
      VIBRATO_ASSIGN_OR_RETURN(writer_,
                               store::VdbRowWriter::create(fs_, options_.output, {report_.dim, options_.metric}));
    }
    return writer_->add(row_.vector, row_.meta_json);
  }

  Status check_end() {
    if (!writer_) return invalid_argument(options_.input + ": there are no rows in it");
    if (!meta_) return ok_status();
    Result<bool> more = meta_->next(row_.meta_json);
    if (!more.ok()) return more.status().with_context(*options_.meta);
    if (!*more) return ok_status();
    return invalid_argument(*options_.meta + ": there are more lines than the " + std::to_string(writer_->rows()) +
                            " rows of " + options_.input);
  }

  std::string place_of_row() const {
    std::string place = options_.input + ": row " + std::to_string(writer_ ? writer_->rows() : 0);
    if (const std::string position = source_->position(); !position.empty()) place += " (" + position + ")";
    return place;
  }

  io::FileSystem& fs_;
  const IngestOptions& options_;
  std::unique_ptr<RowSource> source_;
  std::optional<MetaLines> meta_;
  std::unique_ptr<store::VdbRowWriter> writer_;  // Null before the first row.
  InputRow row_;
  IngestReport report_;
};

}  // namespace

Result<IngestReport> ingest_file(io::FileSystem& fs, const IngestOptions& options, const IngestProgress& progress) {
  return Ingest(fs, options).run(progress);
}

}  // namespace vibrato::app
