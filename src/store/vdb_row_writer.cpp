#include "store/vdb_row_writer.hpp"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include "base/limits.hpp"

namespace vibrato::store {

using format::SectionKind;

namespace {

template <typename T>
std::span<const std::byte> bytes_of_value(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

NewSection section_of(SectionKind kind, std::span<const std::byte> bytes, std::uint32_t alignment) {
  return {kind, [bytes](VdbWriter& writer) { return writer.append(bytes); }, alignment};
}

NewSection section_of(SectionKind kind, std::string_view text) {
  return section_of(kind, std::as_bytes(std::span(text.data(), text.size())));
}

Status write_section(VdbWriter& writer, const NewSection& section) {
  VIBRATO_RETURN_IF_ERROR(writer.begin_section(section.kind, section.alignment));
  VIBRATO_RETURN_IF_ERROR(section.write(writer));
  return writer.end_section();
}

float inverse_norm(std::span<const float> vector) {
  double sum = 0;
  for (const float value : vector) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  if (sum == 0) {
    return 0;
  }
  const double inverse = 1.0 / std::sqrt(sum);
  return static_cast<float>(std::min(inverse, static_cast<double>(std::numeric_limits<float>::max())));
}

Result<std::unique_ptr<VdbRowWriter>> VdbRowWriter::create(io::FileSystem& fs, const std::string& path,
                                                           const VdbWriterOptions& options) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<VdbWriter> writer, VdbWriter::create(fs, path, options));
  return over(fs, path, std::move(writer));
}

Result<std::unique_ptr<VdbRowWriter>> VdbRowWriter::over(io::FileSystem& fs, const std::string& spool_prefix,
                                                         std::unique_ptr<VdbWriter> writer) {
  VIBRATO_RETURN_IF_ERROR(writer->begin_section(SectionKind::kVectors));
  return std::unique_ptr<VdbRowWriter>(new VdbRowWriter(fs, spool_prefix, std::move(writer)));
}

VdbRowWriter::VdbRowWriter(io::FileSystem& fs, const std::string& path, std::unique_ptr<VdbWriter> writer)
    : writer_(std::move(writer)),
      norms_(fs, path + ".norms"),
      meta_offsets_(fs, path + ".offsets"),
      meta_(fs, path + ".meta") {}

Status VdbRowWriter::add(std::span<const float> vector, std::string_view meta_json) {
  if (vector.size() != writer_->dim()) {
    return {ErrorCode::kDimMismatch,
            fmt::format("row {} has {} dimensions, the file has {}", rows_, vector.size(), writer_->dim())};
  }
  if (rows_ == limits::kRowsPerSegmentMax) {
    return {ErrorCode::kOverloaded, fmt::format("a file holds at most {} rows", limits::kRowsPerSegmentMax)};
  }
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return invalid_argument(fmt::format("row {}: value {} is not a finite number", rows_, i));
    }
  }
  VIBRATO_RETURN_IF_ERROR(writer_->append_row(vector));
  if (writer_->metric() == Metric::kCosine) {
    VIBRATO_RETURN_IF_ERROR(norms_.append(bytes_of_value(inverse_norm(vector))));
  }
  VIBRATO_RETURN_IF_ERROR(meta_offsets_.append(bytes_of_value(meta_.size_bytes())));
  VIBRATO_RETURN_IF_ERROR(meta_.append(std::as_bytes(std::span(meta_json.data(), meta_json.size()))));
  ++rows_;
  return ok_status();
}

Status VdbRowWriter::add_all(const VdbFile& source) {
  if (!source.has_vectors()) {
    return {ErrorCode::kGone, source.path() + ": its raw vectors were dropped"};
  }
  VIBRATO_RETURN_IF_ERROR(source.check_section(SectionKind::kVectors));
  VIBRATO_RETURN_IF_ERROR(source.check_section(SectionKind::kMetaOffsets));
  VIBRATO_RETURN_IF_ERROR(source.check_section(SectionKind::kMeta));
  const VectorRows vectors = source.vectors();
  for (std::uint32_t row = 0; row < vectors.rows; ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string meta, source.meta_json(row));
    if (Status status = add(vectors.row(row), meta); !status.ok()) {
      return status.with_context(source.path());
    }
  }
  return ok_status();
}

Status VdbRowWriter::write_spool(SectionKind kind, const SectionSpool& spool) {
  return write_section(*writer_,
                       {kind, [&spool](VdbWriter& writer) { return spool.copy_to(writer); }, format::kVdbAlignmentMin});
}

Status VdbRowWriter::finish_rows() {
  VIBRATO_RETURN_IF_ERROR(writer_->end_section());
  if (writer_->metric() == Metric::kCosine) {
    VIBRATO_RETURN_IF_ERROR(write_spool(SectionKind::kInverseNorms, norms_));
  }
  if (meta_.size_bytes() > 0) {
    VIBRATO_RETURN_IF_ERROR(meta_offsets_.append(bytes_of_value(meta_.size_bytes())));
    VIBRATO_RETURN_IF_ERROR(write_spool(SectionKind::kMetaOffsets, meta_offsets_));
    VIBRATO_RETURN_IF_ERROR(write_spool(SectionKind::kMeta, meta_));
  }
  return ok_status();
}

Status VdbRowWriter::commit(std::span<const NewSection> sections) {
  VIBRATO_RETURN_IF_ERROR(finish_rows());
  for (const NewSection& section : sections) {
    VIBRATO_RETURN_IF_ERROR(write_section(*writer_, section));
  }
  return writer_->commit();
}

}  // namespace vibrato::store
