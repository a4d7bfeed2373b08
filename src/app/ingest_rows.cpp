#include "app/ingest_rows.hpp"

#include <array>
#include <memory>
#include <span>
#include <string_view>

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

}  // namespace

Result<IngestReport> ingest_file(io::FileSystem& fs, const IngestOptions& options, const IngestProgress& progress) {
  VIBRATO_RETURN_IF_ERROR(check_output(fs, options.output));
  VIBRATO_ASSIGN_OR_RETURN(CheckedRows rows, CheckedRows::open(fs, options.files, options.metric));
  std::unique_ptr<store::VdbRowWriter> writer;  // Needs the dim, which the first row brings.
  IngestReport report;
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
    if (!found) break;
    if (writer == nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(writer, store::VdbRowWriter::create(fs, options.output, {rows.dim(), options.metric}));
    }
    VIBRATO_RETURN_IF_ERROR(writer->add(rows.row().vector, rows.row().meta_json));
    report.ids_were_ignored = report.ids_were_ignored || !rows.row().id_json.empty();
    const RowSource& source = rows.source();
    if (progress && !progress(writer->rows(), source.rows_total().value_or(0), source.share_done())) {
      return Status(ErrorCode::kConflict,
                    "stopped after " + std::to_string(writer->rows()) + " rows; nothing is written");
    }
  }
  VIBRATO_RETURN_IF_ERROR(writer->commit());
  report.dim = rows.dim();
  report.rows = writer->rows();
  return report;
}

}  // namespace vibrato::app
