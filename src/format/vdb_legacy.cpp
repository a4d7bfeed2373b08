#include "format/vdb_legacy.hpp"

#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/legacy_meta.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kHeaderBytes1 = 16;
constexpr std::size_t kHeaderBytes2 = 64;
constexpr std::uint32_t kFlagPq = 1;
constexpr std::uint32_t kFlagMeta = 2;
constexpr std::uint32_t kFlagGraph = 4;

// Header fields of version 2; the 64-bit ones follow each other without padding.
constexpr std::size_t kAtLegacyVersion = 8;
constexpr std::size_t kAtLegacyFlags = 12;
constexpr std::size_t kAtLegacyCount = 16;
constexpr std::size_t kAtLegacyDim = 20;
constexpr std::size_t kAtLegacySubspaces = 24;
constexpr std::size_t kAtLegacyVectors = 28;
constexpr std::size_t kAtLegacyCodebook = 36;
constexpr std::size_t kAtLegacyMeta = 44;
constexpr std::size_t kAtLegacyGraph = 52;

// Fills rows, dim, stride and vectors after checking that the rows lie within `file_bytes`.
Status place_rows(VdbLayout& layout, std::uint32_t count, std::uint32_t dim, std::uint64_t offset, std::size_t count_at,
                  std::size_t dim_at) {
  if (dim < 1 || dim > limits::kDimMax) {
    return corrupt_at(dim_at, "dimensions", fmt::format("1 to {}", limits::kDimMax), dim);
  }
  if (count > limits::kRowsPerSegmentMax) {
    return corrupt_at(count_at, "row count", fmt::format("at most {}", limits::kRowsPerSegmentMax), count);
  }
  const std::uint64_t stride = std::uint64_t{dim} * sizeof(float);
  const std::uint64_t length = stride * count;
  if (offset > layout.file_bytes || layout.file_bytes - offset < length) {
    return corrupt_at(count_at, "row count", fmt::format("rows within the file's {} bytes", layout.file_bytes),
                      fmt::format("{} rows of {} bytes from offset {}", count, stride, offset));
  }
  layout.rows = count;
  layout.dim = dim;
  layout.row_stride_bytes = stride;
  layout.vectors = {offset, length};
  return ok_status();
}

struct Offsets2 {
  std::uint64_t vectors = 0;
  std::uint64_t meta = 0;
  std::uint64_t graph = 0;
};

Status check_offsets_2(const Offsets2& at, std::uint32_t flags, const VdbLayout& layout) {
  const std::uint64_t vectors_end = at.vectors + layout.vectors.length;
  const bool has_meta = (flags & kFlagMeta) != 0;
  const bool has_graph = (flags & kFlagGraph) != 0;
  if (has_meta && (at.meta < vectors_end || at.meta > layout.file_bytes)) {
    return corrupt_at(kAtLegacyMeta, "metadata offset", fmt::format("{} to {}", vectors_end, layout.file_bytes),
                      at.meta);
  }
  if (has_graph && (at.graph < vectors_end || at.graph > layout.file_bytes)) {
    return corrupt_at(kAtLegacyGraph, "graph offset", fmt::format("{} to {}", vectors_end, layout.file_bytes),
                      at.graph);
  }
  if (has_meta && has_graph && at.meta >= at.graph) {
    return corrupt_at(kAtLegacyMeta, "metadata offset", fmt::format("less than the graph's {}", at.graph), at.meta);
  }
  return ok_status();
}

Status check_fields_2(std::span<const std::byte> file, std::uint32_t flags) {
  if (const auto version = load_le<std::uint32_t>(file, kAtLegacyVersion); version != 2) {
    return corrupt_at(kAtLegacyVersion, "version", 2, version);
  }
  if ((flags & kFlagPq) != 0 || load_le<std::uint32_t>(file, kAtLegacySubspaces) != 0 ||
      load_le<std::uint64_t>(file, kAtLegacyCodebook) != 0) {
    return invalid_argument("a version 2 file of PQ codes has no raw vectors; only raw ones can be read");
  }
  if ((flags & ~(kFlagPq | kFlagMeta | kFlagGraph)) != 0) {
    return corrupt_at(kAtLegacyFlags, "flags", "0 to 7", flags);
  }
  return ok_status();
}

}  // namespace

Result<VdbLayout> parse_vdb_version_1(std::span<const std::byte> file) {
  if (file.size() < kHeaderBytes1) {
    return corrupt_at(0, "header of version 1", fmt::format("{} bytes", kHeaderBytes1), file.size());
  }
  VdbLayout layout;
  layout.version = 1;
  layout.file_bytes = file.size();
  const auto count = load_le<std::uint32_t>(file, 8);
  VIBRATO_RETURN_IF_ERROR(place_rows(layout, count, load_le<std::uint32_t>(file, 12), kHeaderBytes1, 8, 12));
  // The old writer puts the count in last: rows behind the counted ones mean that it never finished.
  if (const std::uint64_t end = kHeaderBytes1 + layout.vectors.length; end != file.size()) {
    return corrupt_at(8, "file length", fmt::format("{} for {} rows", end, count), file.size());
  }
  return layout;
}

Result<VdbLayout> parse_vdb_version_2(std::span<const std::byte> file) {
  if (file.size() < kHeaderBytes2) {
    return corrupt_at(0, "header of version 2", fmt::format("{} bytes", kHeaderBytes2), file.size());
  }
  const auto flags = load_le<std::uint32_t>(file, kAtLegacyFlags);
  VIBRATO_RETURN_IF_ERROR(check_fields_2(file, flags));
  VdbLayout layout;
  layout.version = 2;
  layout.file_bytes = file.size();
  const Offsets2 at{load_le<std::uint64_t>(file, kAtLegacyVectors), load_le<std::uint64_t>(file, kAtLegacyMeta),
                    load_le<std::uint64_t>(file, kAtLegacyGraph)};
  if (at.vectors < kHeaderBytes2 || at.vectors % 64 != 0) {
    return corrupt_at(kAtLegacyVectors, "vectors offset", "a multiple of 64, at least 64", at.vectors);
  }
  VIBRATO_RETURN_IF_ERROR(place_rows(layout, load_le<std::uint32_t>(file, kAtLegacyCount),
                                     load_le<std::uint32_t>(file, kAtLegacyDim), at.vectors, kAtLegacyCount,
                                     kAtLegacyDim));
  VIBRATO_RETURN_IF_ERROR(check_offsets_2(at, flags, layout));
  layout.legacy_graph = (flags & kFlagGraph) != 0;
  if ((flags & kFlagMeta) != 0) {
    const std::uint64_t end = layout.legacy_graph ? at.graph : layout.file_bytes;
    layout.legacy_meta = ByteRange{at.meta, end - at.meta};
    VIBRATO_RETURN_IF_ERROR(check_legacy_meta(file, *layout.legacy_meta, layout.rows));
  }
  return layout;
}

}  // namespace vibrato::format
