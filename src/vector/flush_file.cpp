#include "vector/flush_file.hpp"

#include <utility>

#include "io/safe_path.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/choose_codes.hpp"
#include "vector/graph_file.hpp"

namespace vibrato::vector {
namespace {

// Removes the staging file, whatever happens. It is of no use to anybody, so failing to remove it is no error.
class StagingFile {
 public:
  StagingFile(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  ~StagingFile() { (void)fs_.remove_file(path_).ok(); }
  StagingFile(const StagingFile&) = delete;
  StagingFile& operator=(const StagingFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  io::FileSystem& fs_;
  std::string path_;
};

Status write_rows(io::FileSystem& fs, const std::string& path, const SealedSegment& sealed,
                  const std::vector<const HotSegment*>& tail) {
  store::VdbWriterOptions options;
  options.dim = sealed.file().dim();
  options.metric = sealed.file().metric();
  options.first_lsn = sealed.file().layout().first_lsn;
  options.last_lsn = sealed.file().layout().last_lsn;
  VIBRATO_ASSIGN_OR_RETURN(const auto writer, store::VdbRowWriter::create(fs, path, options));
  VIBRATO_RETURN_IF_ERROR(writer->add_all(sealed.file()));
  for (const HotSegment* segment : tail) {
    for (std::uint32_t row = 0; row < segment->row_count(); ++row) {
      VIBRATO_RETURN_IF_ERROR(writer->add(segment->vector(row), segment->meta_json(row)));
    }
  }
  return writer->commit();
}

// Extending costs by the new rows only. It keeps the old parameters and codes, so a file that has outgrown them is
// built anew.
bool should_extend(const SealedSegment& sealed, const store::VdbFile& rows) {
  if (!sealed.has_graph() || !sealed.build_info() || rows.rows() - sealed.row_count() > sealed.row_count()) {
    return false;
  }
  const bool has_codes = sealed.space().quantizer != nullptr;
  return has_codes || rows.rows() < kCodedRowsMin || rows.dim() < kCodedDimMin;
}

Result<BuiltIndex> index_rows(const SealedSegment& sealed, const store::VdbFile& rows,
                              const GraphBuildOptions& options) {
  if (should_extend(sealed, rows)) {
    auto extended = extend_index(sealed, rows, options.threads);
    // kInvalidArgument: the stored graph is not one of ours to extend.
    if (extended.ok() || extended.status().code() != ErrorCode::kInvalidArgument) {
      return extended;
    }
  }
  return build_index(rows, options);
}

}  // namespace

std::string flush_staging_path(const std::string& path) {
  return path + ".flushing";
}

void remove_flush_leftovers(io::FileSystem& fs, const std::string& path) {
  const std::string folder = io::parent_of(path);
  const std::string prefix = io::file_name_of(flush_staging_path(path));
  const auto entries = fs.list_directory(folder);
  if (!entries.ok()) {
    return;
  }
  for (const io::FileInfo& entry : *entries) {
    if (entry.is_regular && entry.name.rfind(prefix, 0) == 0) {
      (void)fs.remove_file(folder + "/" + entry.name).ok();
    }
  }
}

Result<std::unique_ptr<SealedSegment>> write_flushed(io::FileSystem& fs, const std::string& path,
                                                     const SealedSegment& sealed,
                                                     const std::vector<const HotSegment*>& tail,
                                                     const GraphBuildOptions& options) {
  {
    const StagingFile staging(fs, flush_staging_path(path));
    VIBRATO_RETURN_IF_ERROR(write_rows(fs, staging.path(), sealed, tail));
    VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> rows, store::VdbFile::open(fs, staging.path()));
    VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, index_rows(sealed, *rows, options));
    VIBRATO_RETURN_IF_ERROR(store_index(fs, *rows, index, path));
  }
  return SealedSegment::open(fs, path);
}

}  // namespace vibrato::vector
