// Writes a pack: one `.vdb` image after the other into one file, which appears whole or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "format/pack.hpp"
#include "store/temporary_file.hpp"
#include "store/vdb_writer.hpp"

namespace vibrato::store {

// Not thread-safe.
class PackWriter {
 public:
  // `fs` must outlive the writer. Errors: those of FileSystem::open.
  [[nodiscard]] static Result<std::unique_ptr<PackWriter>> create(io::FileSystem& fs, const std::string& path);

  // A writer of the next part, to be finished before end_part. Requires: no part is open. Errors: as
  // VdbWriter::create; kOverloaded past format::kPackPartsMax parts.
  [[nodiscard]] Result<std::unique_ptr<VdbWriter>> begin_part(const VdbWriterOptions& options);
  // The part is done, its image `length` bytes long: what VdbWriter::finish answered. Requires: a part is open.
  void end_part(std::uint64_t length);
  // Requires: no part is open.
  [[nodiscard]] std::uint32_t part_count() const { return static_cast<std::uint32_t>(parts_.size()); }

  // Publishes the file under its path. Requires: no part is open. Errors: kDiskFull, kIoError.
  [[nodiscard]] Status commit();

 private:
  PackWriter(std::string path, std::unique_ptr<TemporaryFile> file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::unique_ptr<TemporaryFile> file_;
  std::vector<format::ByteRange> parts_;
  bool part_is_open_ = false;
  std::uint64_t next_offset_ = format::kPackPartAlignment;
};

}  // namespace vibrato::store
