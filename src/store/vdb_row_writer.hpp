// Builds a `.vdb` file from rows as they come: vectors go straight to the file, meta texts and norms wait in spools.
// Memory does not grow with the rows. Nothing is visible before commit(), and nothing is left without it.
// For ingest (rows from outside), flush (the rows of a file and new ones) and conversion of older versions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "store/section_spool.hpp"
#include "store/vdb_file.hpp"
#include "store/vdb_writer.hpp"

namespace vibrato::store {

// A section that commit() writes behind the rows. `write` appends the section's bytes to the writer.
struct NewSection {
  format::SectionKind kind = format::SectionKind::kBuildInfo;
  std::function<Status(VdbWriter&)> write;
  std::uint32_t alignment = format::kVdbAlignmentMin;
};

// A section of bytes that the caller keeps until they are written.
[[nodiscard]] NewSection section_of(format::SectionKind kind, std::span<const std::byte> bytes,
                                    std::uint32_t alignment = format::kVdbAlignmentMin);
[[nodiscard]] NewSection section_of(format::SectionKind kind, std::string_view text);

// Writes begin, body and end of one section.
[[nodiscard]] Status write_section(VdbWriter& writer, const NewSection& section);

// Not thread-safe.
class VdbRowWriter {
 public:
  // As VdbWriter::create. Under Metric::kCosine the file gets inverse norms.
  [[nodiscard]] static Result<std::unique_ptr<VdbRowWriter>> create(io::FileSystem& fs, const std::string& path,
                                                                    const VdbWriterOptions& options);

  // The same with a writer that nothing was written to. `spool_prefix` starts the names of temporary files.
  [[nodiscard]] static Result<std::unique_ptr<VdbRowWriter>> over(io::FileSystem& fs, const std::string& spool_prefix,
                                                                  std::unique_ptr<VdbWriter> writer);

  // Appends a row. `meta_json` is compact JSON text, or empty for none; it is stored as it is.
  // Errors: kDimMismatch; kInvalidArgument for a number that is not finite; kOverloaded past
  // limits::kRowsPerSegmentMax rows; those of the file system.
  [[nodiscard]] Status add(std::span<const float> vector, std::string_view meta_json);

  // Appends all rows and meta of `source`, whose blocks are checked before they are used.
  // Requires: the same dim. Errors: kDimMismatch, kCorruption, kGone if the source's vectors were dropped,
  // those of add.
  [[nodiscard]] Status add_all(const VdbFile& source);

  [[nodiscard]] std::uint32_t rows() const { return rows_; }

  // Ends the rows: writes what waits, norms and meta. No add any more; further sections go to writer(), which ends the
  // file too.
  [[nodiscard]] Status finish_rows();
  [[nodiscard]] VdbWriter& writer() { return *writer_; }

  // Ends the rows, writes `sections`, and publishes the file. No further call is allowed.
  [[nodiscard]] Status commit(std::span<const NewSection> sections = {});

 private:
  VdbRowWriter(io::FileSystem& fs, const std::string& path, std::unique_ptr<VdbWriter> writer);

  [[nodiscard]] Status write_spool(format::SectionKind kind, const SectionSpool& spool);

  std::unique_ptr<VdbWriter> writer_;
  SectionSpool norms_;
  SectionSpool meta_offsets_;
  SectionSpool meta_;
  std::uint32_t rows_ = 0;
};

// 1 / |x| as kInverseNorms stores it: computed in double precision, 0 for the zero vector, at most the largest float.
[[nodiscard]] float inverse_norm(std::span<const float> vector);

}  // namespace vibrato::store
