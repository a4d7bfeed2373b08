#include "store/vdb_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "base/crc32c.hpp"
#include "base/limits.hpp"
#include "format/vdb_header.hpp"

namespace vibrato::store {

using format::SectionEntry;
using format::SectionKind;

namespace {

Status check_options(const std::string& path, const VdbWriterOptions& options) {
  if (options.dim < 1 || options.dim > limits::kDimMax) {
    return invalid_argument(
        fmt::format("{}: {} dimensions; 1 to {} can be stored", path, options.dim, limits::kDimMax));
  }
  if (options.first_lsn > options.last_lsn) {
    return invalid_argument(fmt::format("{}: the first LSN is after the last one", path));
  }
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<VdbWriter>> VdbWriter::create(io::FileSystem& fs, const std::string& path,
                                                     const VdbWriterOptions& options) {
  VIBRATO_RETURN_IF_ERROR(check_options(path, options));
  std::unique_ptr<VdbWriter> writer(new VdbWriter(path, options));
  VIBRATO_ASSIGN_OR_RETURN(writer->own_file_, TemporaryFile::create(fs, path));
  writer->file_ = &writer->own_file_->file();
  return writer;
}

Result<std::unique_ptr<VdbWriter>> VdbWriter::create_within(io::File& file, std::uint64_t base_offset, std::string path,
                                                            const VdbWriterOptions& options) {
  VIBRATO_RETURN_IF_ERROR(check_options(path, options));
  std::unique_ptr<VdbWriter> writer(new VdbWriter(std::move(path), options));
  writer->file_ = &file;
  writer->base_offset_ = base_offset;
  return writer;
}

VdbWriter::VdbWriter(std::string path, const VdbWriterOptions& options)
    : path_(std::move(path)), options_(options), position_(format::kVdbHeaderBytes) {}

void VdbWriter::set_lsn_range(std::uint64_t first, std::uint64_t last) {
  VIBRATO_CHECK(first <= last);
  options_.first_lsn = first;
  options_.last_lsn = last;
}

Status VdbWriter::note(Status status) {
  if (failure_.ok() && !status.ok()) {
    failure_ = status;
  }
  return status;
}

Status VdbWriter::begin_section(SectionKind kind, std::uint32_t alignment) {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!finished_ && !open_section_);
  const auto info = format::section_kind_info(static_cast<std::uint32_t>(kind));
  VIBRATO_CHECK(info && info->version != 0);
  VIBRATO_CHECK(sections_.size() < format::kVdbSectionsMax);
  VIBRATO_CHECK(alignment >= format::kVdbAlignmentMin && alignment <= format::kVdbAlignmentMax &&
                (alignment & (alignment - 1)) == 0);
  for (const SectionEntry& section : sections_) {
    VIBRATO_CHECK(section.kind != static_cast<std::uint32_t>(kind));
  }
  SectionEntry section;
  section.kind = static_cast<std::uint32_t>(kind);
  section.version = info->version;
  section.required = info->required;
  section.alignment = kind == SectionKind::kVectors ? std::max(alignment, format::kVdbVectorsAlignment) : alignment;
  VIBRATO_RETURN_IF_ERROR(note(pad_to(section.alignment)));
  section.offset = position_;
  open_section_ = section;
  return ok_status();
}

Status VdbWriter::append(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(open_section_.has_value());
  return note(put(bytes));
}

Status VdbWriter::append_row(std::span<const float> values) {
  VIBRATO_CHECK(values.size() == options_.dim);
  VIBRATO_CHECK(open_section_ && open_section_->kind == static_cast<std::uint32_t>(SectionKind::kVectors));
  constexpr std::array<std::byte, format::kVdbRowAlignment> kZeros{};
  const auto bytes = std::as_bytes(values);
  VIBRATO_RETURN_IF_ERROR(append(bytes));
  const std::uint64_t padding = format::vdb_row_stride_bytes(options_.dim) - bytes.size();
  return append(std::span(kZeros).first(padding));
}

Status VdbWriter::end_section() {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(open_section_.has_value());
  open_section_->length = position_ - open_section_->offset;
  sections_.push_back(*open_section_);
  open_section_.reset();
  return ok_status();
}

Status VdbWriter::put(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t room = format::kVdbBlockBytes - position_ % format::kVdbBlockBytes;
    const std::size_t count = std::min<std::uint64_t>(room, bytes.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    position_ += count;
    bytes = bytes.subspan(count);
    if (position_ % format::kVdbBlockBytes == 0) {
      VIBRATO_RETURN_IF_ERROR(flush_block());
    }
  }
  return ok_status();
}

Status VdbWriter::pad_to(std::uint64_t alignment) {
  constexpr std::array<std::byte, 4096> kZeros{};
  for (std::uint64_t left = format::round_up(position_, alignment) - position_; left > 0;) {
    const std::uint64_t count = std::min<std::uint64_t>(left, kZeros.size());
    VIBRATO_RETURN_IF_ERROR(put(std::span(kZeros).first(count)));
    left -= count;
  }
  return ok_status();
}

Status VdbWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (options_.before_write) {
    options_.before_write(bytes.size());
  }
  return file_->write_at(base_offset_ + offset, bytes);
}

Status VdbWriter::flush_block() {
  if (buffer_.empty()) {
    return ok_status();
  }
  block_crcs_.push_back(crc32c(buffer_));
  VIBRATO_RETURN_IF_ERROR(write_at(position_ - buffer_.size(), buffer_));
  buffer_.clear();
  return ok_status();
}

Status VdbWriter::commit() {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!finished_ && !open_section_ && own_file_ != nullptr);
  VIBRATO_RETURN_IF_ERROR(note(write_tail().status()));
  finished_ = true;
  file_ = nullptr;
  return note(own_file_->publish());
}

Result<std::uint64_t> VdbWriter::finish() {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!finished_ && !open_section_ && own_file_ == nullptr);
  auto bytes = write_tail();
  VIBRATO_RETURN_IF_ERROR(note(bytes.status()));
  finished_ = true;
  return bytes;
}

Status VdbWriter::make_readable() {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!finished_ && !open_section_ && own_file_ != nullptr);
  return note(write_tail().status());
}

Result<std::uint64_t> VdbWriter::write_tail() {
  // The last block, padded. Blocks are a multiple of the alignment, so the padding stays within it.
  std::vector<std::byte> last_block = buffer_;
  const std::uint64_t content_end = format::round_up(position_, format::kVdbAlignmentMin);
  last_block.resize(last_block.size() + content_end - position_);
  std::vector<std::uint32_t> crcs = block_crcs_;
  if (!last_block.empty()) {
    crcs.push_back(crc32c(last_block));
    VIBRATO_RETURN_IF_ERROR(write_at(content_end - last_block.size(), last_block));
  }

  const auto vectors = std::find_if(sections_.begin(), sections_.end(), [](const SectionEntry& section) {
    return section.kind == static_cast<std::uint32_t>(SectionKind::kVectors);
  });
  const std::vector<std::byte> table = format::encode_section_table(sections_);
  const auto blocks = std::as_bytes(std::span(crcs));
  format::VdbHeader header;
  header.rows = vectors == sections_.end() || vectors->length == 0
                    ? rows_without_vectors_
                    : vectors->length / format::vdb_row_stride_bytes(options_.dim);
  header.dim = options_.dim;
  header.metric = options_.metric;
  header.section_count = static_cast<std::uint32_t>(sections_.size());
  header.section_table_offset = content_end;
  header.block_table_offset = content_end + table.size();
  header.block_count = crcs.size();
  header.file_bytes = header.block_table_offset + blocks.size();
  header.first_lsn = options_.first_lsn;
  header.last_lsn = options_.last_lsn;
  header.section_table_crc = crc32c(table);
  header.block_table_crc = crc32c(blocks);

  // What a reader would refuse is not published.
  const auto bytes = format::encode_vdb_header(header);
  if (const auto decoded = format::decode_vdb_header(bytes); !decoded.ok()) {
    return Status(ErrorCode::kInternal, path_ + ": not published: " + decoded.status().message());
  }
  if (const Status check = format::check_vdb_layout(header, sections_, header.file_bytes); !check.ok()) {
    return Status(ErrorCode::kInternal, path_ + ": not published: " + check.message());
  }
  VIBRATO_RETURN_IF_ERROR(write_at(header.section_table_offset, table));
  VIBRATO_RETURN_IF_ERROR(write_at(header.block_table_offset, blocks));
  VIBRATO_RETURN_IF_ERROR(write_at(0, bytes));
  return header.file_bytes;
}

}  // namespace vibrato::store
