// Writes one `.vdb` file of version 3, section after section, without holding it in memory.
//
// The file appears whole or not at all: the bytes go to a temporary file beside the target, and commit() makes them
// durable before the rename and the name durable after it. A writer that is destroyed without a commit leaves nothing
// behind. For whoever builds sealed files: VdbRowWriter, copy_with_sections and the tiers above.
// The same writer writes an image inside a file of somebody else, a pack: then finish() takes the place of commit().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"
#include "io/file_system.hpp"
#include "store/temporary_file.hpp"

namespace vibrato::store {

struct VdbWriterOptions {
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint64_t first_lsn = 0;  // 0, 0: not written by a log.
  std::uint64_t last_lsn = 0;
  // Called with the bytes that are about to be written; may sleep. For throttled background work.
  std::function<void(std::uint64_t bytes)> before_write = {};
};

// Not thread-safe. After the first failed call every further one fails with the same error.
class VdbWriter {
 public:
  // `fs` must outlive the writer. Errors: kInvalidArgument for a dim outside 1 to limits::kDimMax; those of
  // FileSystem::open.
  [[nodiscard]] static Result<std::unique_ptr<VdbWriter>> create(io::FileSystem& fs, const std::string& path,
                                                                 const VdbWriterOptions& options);
  // Writes the image into `file` from `base_offset` on, where nothing else may be written meanwhile. `path` is for
  // messages. `file` must outlive the writer. Errors: kInvalidArgument, as create.
  [[nodiscard]] static Result<std::unique_ptr<VdbWriter>> create_within(io::File& file, std::uint64_t base_offset,
                                                                        std::string path,
                                                                        const VdbWriterOptions& options);
  VdbWriter(const VdbWriter&) = delete;
  VdbWriter& operator=(const VdbWriter&) = delete;

  // Starts a section at the next multiple of `alignment` (at least 64; kVectors: at least 4,096).
  // Requires: no section is open, none of this kind was written, the build knows how to write the kind.
  [[nodiscard]] Status begin_section(format::SectionKind kind, std::uint32_t alignment = format::kVdbAlignmentMin);
  // Requires: a section is open.
  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  // Appends one row to the open kVectors section, padded to the row stride. Requires: values.size() == dim.
  [[nodiscard]] Status append_row(std::span<const float> values);
  [[nodiscard]] Status end_section();

  // Publishes the file under its path, in place of what was there. The number of rows is that of the kVectors section,
  // or that of set_rows_without_vectors. An error means that the old file is still there, or, if only the sync of the
  // folder failed, either of the two. Errors: kInternal when the sections do not fit together (their lengths, a missing
  // one); kDiskFull, kIoError. Requires: made by create.
  [[nodiscard]] Status commit();
  // Completes an image inside another file and answers its length. Requires: made by create_within. Errors: as commit.
  [[nodiscard]] Result<std::uint64_t> finish();

  // Makes the sections so far readable as a `.vdb` file at temporary_path(), until the next section is begun: what has
  // to be computed from them can then read them. Requires: made by create, no section is open.
  // Errors: as commit; nothing is durable.
  [[nodiscard]] Status make_readable();
  // Requires: made by create.
  [[nodiscard]] const std::string& temporary_path() const { return own_file_->path(); }
  // The number of rows of a file whose vectors are dropped behind their codes: its kVectors section is empty.
  void set_rows_without_vectors(std::uint64_t rows) { rows_without_vectors_ = rows; }
  // For who knows them only after the rows. Requires: first <= last.
  void set_lsn_range(std::uint64_t first, std::uint64_t last);

  [[nodiscard]] std::uint32_t dim() const { return options_.dim; }
  [[nodiscard]] Metric metric() const { return options_.metric; }
  // Bytes written so far, buffered ones included.
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  VdbWriter(std::string path, const VdbWriterOptions& options);

  [[nodiscard]] Status put(std::span<const std::byte> bytes);
  [[nodiscard]] Status pad_to(std::uint64_t alignment);
  [[nodiscard]] Status flush_block();
  // Writes `bytes` at `offset` of the image.
  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Writes what waits, the tables and the header, and answers the length of the image. Changes no state: sections may
  // follow, which overwrite the tables.
  [[nodiscard]] Result<std::uint64_t> write_tail();
  // Remembers the first error.
  Status note(Status status);

  std::string path_;
  VdbWriterOptions options_;
  std::unique_ptr<TemporaryFile> own_file_;  // Null for an image inside another file.
  io::File* file_ = nullptr;
  std::uint64_t base_offset_ = 0;  // Of the image in the file.
  std::uint64_t rows_without_vectors_ = 0;
  Status failure_;
  bool finished_ = false;

  std::uint64_t position_ = 0;     // Where the next byte of the image goes.
  std::vector<std::byte> buffer_;  // The part of the current block before position_.
  std::vector<std::uint32_t> block_crcs_;
  std::vector<format::SectionEntry> sections_;
  std::optional<format::SectionEntry> open_section_;
};

}  // namespace vibrato::store
