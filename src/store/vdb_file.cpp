#include "store/vdb_file.hpp"

#include <utility>

#include "format/corrupt_at.hpp"
#include "format/legacy_meta.hpp"
#include "format/vdb_blocks.hpp"
#include "format/vdb_parse.hpp"
#include "store/id_index.hpp"

namespace vibrato::store {

using format::SectionKind;

namespace {

// Blocks between two calls of the progress function: 16 MiB.
constexpr std::uint64_t kProgressBlocks = 256;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<std::unique_ptr<VdbFile>> VdbFile::open(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, fs.map_read_only(path));
  return from_map(path, std::move(map));
}

Result<std::unique_ptr<VdbFile>> VdbFile::from_map(std::string path, std::unique_ptr<io::ReadOnlyMap> map) {
  auto layout = format::parse_vdb(map->bytes());
  if (!layout.ok()) {
    return layout.status().with_context(path);
  }
  return std::unique_ptr<VdbFile>(new VdbFile(std::move(path), std::move(map), std::move(layout).value()));
}

VdbFile::VdbFile(std::string path, std::unique_ptr<io::ReadOnlyMap> map, format::VdbLayout layout)
    : path_(std::move(path)), map_(std::move(map)), layout_(std::move(layout)), checked_(layout_.block_count) {
  VIBRATO_CHECK(reinterpret_cast<std::uintptr_t>(map_->bytes().data()) % alignof(std::uint64_t) == 0);
}

VectorRows VdbFile::vectors() const {
  if (!has_vectors()) {
    return {nullptr, layout_.row_stride_bytes / sizeof(float), 0, dim()};
  }
  const auto bytes = bytes_of(layout_.vectors);
  return {reinterpret_cast<const float*>(bytes.data()), layout_.row_stride_bytes / sizeof(float), rows(), dim()};
}

std::span<const float> VdbFile::inverse_norms() const {
  const auto bytes = section(SectionKind::kInverseNorms);
  if (!bytes) {
    return {};
  }
  return {reinterpret_cast<const float*>(bytes->data()), bytes->size() / sizeof(float)};
}

bool VdbFile::has_meta() const {
  return layout_.legacy_meta.has_value() || layout_.find(SectionKind::kMeta) != nullptr;
}

Result<std::string_view> VdbFile::meta_text(std::uint32_t row) const {
  const auto* offsets = layout_.find(SectionKind::kMetaOffsets);
  const auto* texts = layout_.find(SectionKind::kMeta);
  VIBRATO_CHECK(offsets != nullptr && texts != nullptr);
  const auto offset_bytes = bytes_of({offsets->offset, offsets->length});
  const std::size_t at = std::size_t{row} * sizeof(std::uint64_t);
  VIBRATO_RETURN_IF_ERROR(check_once(offsets->offset + at, 2 * sizeof(std::uint64_t)));
  const auto begin = format::load_le<std::uint64_t>(offset_bytes, at);
  const auto end = format::load_le<std::uint64_t>(offset_bytes, at + sizeof(std::uint64_t));
  if (begin > end || end > texts->length) {
    return format::corrupt_at(offsets->offset + at, fmt::format("meta range of row {}", row),
                              fmt::format("a range within {} bytes", texts->length),
                              fmt::format("{} to {}", begin, end))
        .with_context(path_);
  }
  VIBRATO_RETURN_IF_ERROR(check_once(texts->offset + begin, end - begin));
  return as_text(bytes_of({texts->offset + begin, end - begin}));
}

Result<std::string> VdbFile::meta_json(std::uint32_t row) const {
  VIBRATO_CHECK(row < rows());
  if (layout_.legacy_meta) {
    auto text = format::legacy_meta_json(map_->bytes(), *layout_.legacy_meta, row);
    return text.ok() ? std::move(text) : Result<std::string>(text.status().with_context(path_));
  }
  if (!has_meta()) {
    return std::string();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, meta_text(row));
  return std::string(text);
}

Result<std::string_view> VdbFile::meta_view(std::uint32_t row) const {
  VIBRATO_CHECK(row < rows() && layout_.version == format::kVdbVersion);
  return has_meta() ? meta_text(row) : std::string_view();
}

std::string_view VdbFile::build_info() const {
  const auto bytes = section(SectionKind::kBuildInfo);
  return bytes ? as_text(*bytes) : std::string_view();
}

std::optional<std::span<const std::byte>> VdbFile::section(SectionKind kind) const {
  if (kind == SectionKind::kVectors) {
    return bytes_of(layout_.vectors);
  }
  const auto* entry = layout_.find(kind);
  if (entry == nullptr) {
    return std::nullopt;
  }
  return bytes_of({entry->offset, entry->length});
}

Status VdbFile::check_block_range(std::uint64_t offset, std::uint64_t length) const {
  return format::check_vdb_block_range(map_->bytes(), layout_, offset, length).with_context(path_);
}

Status VdbFile::check_once(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t end = layout_.block_count == 0 ? 0 : offset + length;
  for (std::uint64_t block = offset / format::kVdbBlockBytes; block * format::kVdbBlockBytes < end; ++block) {
    if (checked_.contains(block)) {
      continue;
    }
    if (const Status status = format::check_vdb_block(map_->bytes(), layout_, block); !status.ok()) {
      return status.with_context(path_);
    }
    checked_.add(block);
  }
  return ok_status();
}

Status VdbFile::check_section(SectionKind kind) const {
  const auto* entry = layout_.find(kind);
  return entry == nullptr ? ok_status() : check_block_range(entry->offset, entry->length);
}

Result<VerifyReport> VdbFile::verify(const VerifyProgress& progress) const {
  VerifyReport report;
  report.has_checksums = layout_.version >= format::kVdbVersion;
  map_->advise(io::ReadOnlyMap::Access::kSequential, 0, layout_.file_bytes);
  // open() checked the header and both tables; the map is immutable, so they count as done.
  for (std::uint64_t block = 0; block < layout_.block_count; ++block) {
    if (const Status status = format::check_vdb_block(map_->bytes(), layout_, block); !status.ok()) {
      return status.with_context(path_);
    }
    checked_.add(block);
    if (progress && (block + 1) % kProgressBlocks == 0) {
      VIBRATO_RETURN_IF_ERROR(progress((block + 1) * format::kVdbBlockBytes, layout_.file_bytes));
    }
  }
  map_->advise(io::ReadOnlyMap::Access::kNormal, 0, layout_.file_bytes);
  VIBRATO_RETURN_IF_ERROR(verify_meta());
  if (IdIndex::is_in(*this)) {
    VIBRATO_ASSIGN_OR_RETURN(const IdIndex ids, IdIndex::open(*this));
    VIBRATO_RETURN_IF_ERROR(ids.verify());
  }
  report.blocks = layout_.block_count;
  report.bytes = layout_.file_bytes;
  if (progress) {
    VIBRATO_RETURN_IF_ERROR(progress(layout_.file_bytes, layout_.file_bytes));
  }
  return report;
}

Status VdbFile::verify_meta() const {
  if (!has_meta()) {
    return ok_status();
  }
  for (std::uint32_t row = 0; row < rows(); ++row) {
    if (layout_.legacy_meta) {
      VIBRATO_RETURN_IF_ERROR(meta_json(row).status());
    } else {
      VIBRATO_RETURN_IF_ERROR(meta_text(row).status());
    }
  }
  return ok_status();
}

}  // namespace vibrato::store
