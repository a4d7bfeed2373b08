// One `.vdb` file of version 1, 2 or 3, opened for reading: a read-only map, used in place.
//
// Opening checks header, section table and block-CRC table and reads nothing else. The blocks of meta are checked when
// they are first used. Ranges that stored bytes name (offsets of meta texts) are checked before each use, whatever the
// checksums say. The map stays valid as long as the
// object lives, also when the file is replaced or removed meanwhile.
// Thread-safety: immutable to callers after open(); all methods may be called from many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"
#include "io/file_system.hpp"
#include "store/checked_blocks.hpp"

namespace vibrato::store {

// f32 rows in the map: row i starts at base + i * stride_floats. base is 4-byte aligned; in version 3 rows are 64-byte
// aligned and padded with zeros.
struct VectorRows {
  const float* base = nullptr;
  std::size_t stride_floats = 0;
  std::uint32_t rows = 0;
  std::uint32_t dim = 0;

  // Requires: row < rows.
  [[nodiscard]] std::span<const float> row(std::uint32_t row_number) const {
    return {base + std::size_t{row_number} * stride_floats, dim};
  }
};

struct VerifyReport {
  bool has_checksums = false;  // Versions 1 and 2 have none: only their structure was checked.
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

// Called with bytes done and bytes in all, every 16 MiB. An error ends the work with it.
using VerifyProgress = std::function<Status(std::uint64_t done, std::uint64_t total)>;

class VdbFile {
 public:
  // Errors: kNotFound, kIoError; kCorruption naming file, offset, expected and found; kInvalidArgument for a file of a
  // later build or one of PQ codes.
  [[nodiscard]] static Result<std::unique_ptr<VdbFile>> open(io::FileSystem& fs, const std::string& path);

  // The same over a map of the whole file that the caller made; `path` is for messages. Requires: 8-byte aligned bytes.
  [[nodiscard]] static Result<std::unique_ptr<VdbFile>> from_map(std::string path,
                                                                 std::unique_ptr<io::ReadOnlyMap> map);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const format::VdbLayout& layout() const { return layout_; }
  [[nodiscard]] std::uint32_t version() const { return layout_.version; }
  [[nodiscard]] std::uint32_t dim() const { return layout_.dim; }
  [[nodiscard]] std::uint32_t rows() const { return static_cast<std::uint32_t>(layout_.rows); }
  [[nodiscard]] Metric metric() const { return layout_.metric; }
  [[nodiscard]] std::uint64_t size_bytes() const { return layout_.file_bytes; }

  // Whether the rows are there; an archive may have dropped them behind their codes.
  [[nodiscard]] bool has_vectors() const { return layout_.has_vectors(); }
  // No rows if they were dropped.
  [[nodiscard]] VectorRows vectors() const;
  // 1 / |x| a row; empty if the file has none.
  [[nodiscard]] std::span<const float> inverse_norms() const;
  // Whether any row may have meta.
  [[nodiscard]] bool has_meta() const;
  // The row's meta as JSON text, empty if it has none. Requires: row < rows(). Errors: kCorruption.
  [[nodiscard]] Result<std::string> meta_json(std::uint32_t row) const;
  // The same without a copy, borrowed from the map. Requires: version 3, row < rows(). Errors: kCorruption.
  [[nodiscard]] Result<std::string_view> meta_view(std::uint32_t row) const;
  // JSON text, empty if the file has none.
  [[nodiscard]] std::string_view build_info() const;
  // The bytes of a section; nullopt if the file has none that this build can use. Versions 1 and 2: kVectors only.
  // Aligned in memory as in the file, at least to 64 bytes, where the map starts on a page.
  [[nodiscard]] std::optional<std::span<const std::byte>> section(format::SectionKind kind) const;

  // Checks the checksums of the blocks that hold [offset, offset + length) of the file. Errors: kCorruption.
  [[nodiscard]] Status check_block_range(std::uint64_t offset, std::uint64_t length) const;
  // The same for a section; ok if there is none.
  [[nodiscard]] Status check_section(format::SectionKind kind) const;
  // Checks those blocks of [offset, offset + length) that were not found whole before; ok where there are no checksums.
  // Requires: the range lies within the content. Errors: kCorruption.
  [[nodiscard]] Status check_once(std::uint64_t offset, std::uint64_t length) const;
  // Checks every block, every meta range, and ids with their tables against each other; the error names the first
  // damage. Reads the whole file.
  [[nodiscard]] Result<VerifyReport> verify(const VerifyProgress& progress = {}) const;

  // For advice about access; offsets are those of the file.
  [[nodiscard]] const io::ReadOnlyMap& map() const { return *map_; }

 private:
  VdbFile(std::string path, std::unique_ptr<io::ReadOnlyMap> map, format::VdbLayout layout);

  [[nodiscard]] std::span<const std::byte> bytes_of(const format::ByteRange& range) const {
    return map_->bytes().subspan(range.offset, range.length);
  }
  [[nodiscard]] Result<std::string_view> meta_text(std::uint32_t row) const;
  [[nodiscard]] Status verify_meta() const;

  std::string path_;
  std::unique_ptr<io::ReadOnlyMap> map_;
  format::VdbLayout layout_;
  mutable CheckedBlocks checked_;
};

}  // namespace vibrato::store
