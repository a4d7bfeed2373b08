#include "vector/flush_file.hpp"

#include <string_view>
#include <utility>

#include "io/atomic_file.hpp"
#include "io/safe_path.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/choose_codes.hpp"
#include "vector/graph_file.hpp"

namespace vibrato::vector {
namespace {

// Removes a staging file that still has its name at the end. It is of no use to anybody, so failing to is no error.
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

// Where a file waits with its index to take the place of `path`.
std::string indexed_staging_path(const std::string& path) {
  return flush_staging_path(path) + ".indexed";
}

// Whether `name` is one that replacing the file `target` makes, or a temporary file of those.
bool is_leftover_name(std::string_view name, const std::string& target) {
  const std::string staging = flush_staging_path(target);
  return name == staging || name == indexed_staging_path(target) ||
         (name.starts_with(staging + ".") && name.ends_with(io::kTemporarySuffix));
}

}  // namespace

std::string flush_staging_path(const std::string& path) {
  return path + ".flushing";
}

void remove_flush_leftovers(io::FileSystem& fs, const std::string& path) {
  const std::string folder = io::parent_of(path);
  const std::string target = io::file_name_of(path);
  const auto entries = fs.list_directory(folder);
  if (!entries.ok()) {
    return;
  }
  for (const io::FileInfo& entry : *entries) {
    if (entry.is_regular && is_leftover_name(entry.name, target)) {
      (void)fs.remove_file(folder + "/" + entry.name).ok();
    }
  }
}

Result<std::unique_ptr<SealedSegment>> replace_with_index(io::FileSystem& fs, const std::string& path,
                                                          const store::VdbFile& rows, const BuiltIndex& index) {
  // By way of a name of its own, which a later start knows to be a leftover if this process is killed.
  const StagingFile indexed(fs, indexed_staging_path(path));
  VIBRATO_RETURN_IF_ERROR(store_index(fs, rows, index, indexed.path()));
  // Opened before it is published: what is served is what was written, whoever else replaces the file meanwhile.
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, fs.map_read_only(indexed.path()));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> file, store::VdbFile::from_map(path, std::move(map)));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<SealedSegment> segment, SealedSegment::from_file(std::move(file)));
  VIBRATO_RETURN_IF_ERROR(fs.rename(indexed.path(), path));
  VIBRATO_RETURN_IF_ERROR(fs.sync_directory(io::parent_of(path)));
  return segment;
}

Result<std::unique_ptr<SealedSegment>> write_flushed(io::FileSystem& fs, const std::string& path,
                                                     const SealedSegment& sealed,
                                                     const std::vector<const HotSegment*>& tail,
                                                     const GraphBuildOptions& options) {
  if (sealed.file().layout().find(format::SectionKind::kIds) != nullptr) {
    // New rows have none, and rows without theirs could not be told apart any more.
    return invalid_argument(path +
                            ": is a segment of a collection, whose rows have ids; it takes no rows without them");
  }
  const StagingFile staging(fs, flush_staging_path(path));
  VIBRATO_RETURN_IF_ERROR(write_rows(fs, staging.path(), sealed, tail));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> rows, store::VdbFile::open(fs, staging.path()));
  VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, index_rows(sealed, *rows, options));
  return replace_with_index(fs, path, *rows, index);
}

}  // namespace vibrato::vector
