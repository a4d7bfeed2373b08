#include "store/vdb_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "base/crc32c.hpp"
#include "base/limits.hpp"
#include "format/vdb_header.hpp"
#include "io/atomic_file.hpp"
#include "io/safe_path.hpp"

namespace vibrato::store {

using format::SectionEntry;
using format::SectionKind;

namespace {

// Temporary names tried before giving up; each one taken is another writer's, or was left behind by a crash.
constexpr int kTemporaryNamesMax = 1000;

}  // namespace

Result<std::unique_ptr<VdbWriter>> VdbWriter::create(io::FileSystem& fs, const std::string& path,
                                                     const VdbWriterOptions& options) {
  if (options.dim < 1 || options.dim > limits::kDimMax) {
    return invalid_argument(
        fmt::format("{}: {} dimensions; 1 to {} can be stored", path, options.dim, limits::kDimMax));
  }
  if (options.first_lsn > options.last_lsn) {
    return invalid_argument(fmt::format("{}: the first LSN is after the last one", path));
  }
  std::unique_ptr<VdbWriter> writer(new VdbWriter(fs, path, options));
  VIBRATO_RETURN_IF_ERROR(writer->create_temporary());
  return writer;
}

VdbWriter::VdbWriter(io::FileSystem& fs, std::string path, const VdbWriterOptions& options)
    : fs_(fs), path_(std::move(path)), options_(options), position_(format::kVdbHeaderBytes) {
  buffer_.reserve(format::kVdbBlockBytes);
}

VdbWriter::~VdbWriter() {
  if (!committed_ && file_ != nullptr) {
    file_.reset();
    // Nothing more can be done about a file that cannot be removed; its name says what it is.
    static_cast<void>(fs_.remove_file(temporary_path_));
  }
}

// Unlike io::AtomicFile, takes only a name that is free: a build on the command line and a flush of a server may write
// one target at the same time, and must not share a temporary file. The last to commit wins, whole.
Status VdbWriter::create_temporary() {
  for (int i = 0; i < kTemporaryNamesMax; ++i) {
    std::string name = fmt::format("{}.{}{}", path_, i, io::kTemporarySuffix);
    auto opened = fs_.open(name, io::OpenMode::kCreateNew);
    if (opened.ok()) {
      temporary_path_ = std::move(name);
      file_ = std::move(opened).value();
      return ok_status();
    }
    if (opened.status().code() != ErrorCode::kAlreadyExists) {
      return opened.status();
    }
  }
  return io_error(fmt::format("{}: {} temporary files are in the way; remove {}.*{}", path_, kTemporaryNamesMax, path_,
                              io::kTemporarySuffix));
}

Status VdbWriter::note(Status status) {
  if (failure_.ok() && !status.ok()) {
    failure_ = status;
  }
  return status;
}

Status VdbWriter::begin_section(SectionKind kind, std::uint32_t alignment) {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!committed_ && !open_section_);
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

Status VdbWriter::flush_block() {
  if (buffer_.empty()) {
    return ok_status();
  }
  block_crcs_.push_back(crc32c(buffer_));
  VIBRATO_RETURN_IF_ERROR(file_->write_at(position_ - buffer_.size(), buffer_));
  buffer_.clear();
  return ok_status();
}

Status VdbWriter::commit() {
  VIBRATO_RETURN_IF_ERROR(failure_);
  VIBRATO_CHECK(!committed_ && !open_section_);
  VIBRATO_RETURN_IF_ERROR(note(write_tail()));
  return note(publish());
}

Status VdbWriter::write_tail() {
  VIBRATO_RETURN_IF_ERROR(pad_to(format::kVdbAlignmentMin));
  VIBRATO_RETURN_IF_ERROR(flush_block());

  const auto vectors = std::find_if(sections_.begin(), sections_.end(), [](const SectionEntry& section) {
    return section.kind == static_cast<std::uint32_t>(SectionKind::kVectors);
  });
  const std::vector<std::byte> table = format::encode_section_table(sections_);
  const auto blocks = std::as_bytes(std::span(block_crcs_));
  format::VdbHeader header;
  header.rows = vectors == sections_.end() ? 0 : vectors->length / format::vdb_row_stride_bytes(options_.dim);
  header.dim = options_.dim;
  header.metric = options_.metric;
  header.section_count = static_cast<std::uint32_t>(sections_.size());
  header.section_table_offset = position_;
  header.block_table_offset = position_ + table.size();
  header.block_count = block_crcs_.size();
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
  VIBRATO_RETURN_IF_ERROR(file_->write_at(header.section_table_offset, table));
  VIBRATO_RETURN_IF_ERROR(file_->write_at(header.block_table_offset, blocks));
  return file_->write_at(0, bytes);
}

// Bytes durable, then the name switched, then the switch durable: the order is what keeps the old file or the new one
// whole after a power loss at any point.
Status VdbWriter::publish() {
  VIBRATO_RETURN_IF_ERROR(file_->sync());
  file_.reset();
  if (Status renamed = fs_.rename(temporary_path_, path_); !renamed.ok()) {
    static_cast<void>(fs_.remove_file(temporary_path_));
    return renamed;
  }
  committed_ = true;
  return fs_.sync_directory(io::parent_of(path_));
}

}  // namespace vibrato::store
