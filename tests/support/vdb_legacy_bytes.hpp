// Files of `.vdb` versions 1 and 2 as bytes, written from their field tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/little_endian.hpp"

namespace vibrato::test {

struct LegacyMeta {
  std::string source_file;
  std::uint32_t start_time_ms = 0;
  std::uint16_t duration_ms = 0;
  float bpm = 0;
  std::string tags;
};

class ByteWriter {
 public:
  template <typename T>
  void number(T value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof(T));
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
  void text(std::string_view value) {
    const auto part = std::as_bytes(std::span(value));
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  void zeros_up_to(std::size_t size) { bytes.resize(size); }

  std::vector<std::byte> bytes;
};

inline void put_rows(ByteWriter& out, std::uint32_t rows, std::uint32_t dim) {
  for (std::uint32_t i = 0; i < rows * dim; ++i) {
    out.number(static_cast<float>(i) + 0.25F);
  }
}

inline std::vector<std::byte> make_vdb_version_1(std::uint32_t rows, std::uint32_t dim) {
  ByteWriter out;
  out.text("VIBDB001");
  out.number(rows);
  out.number(dim);
  put_rows(out, rows, dim);
  return out.bytes;
}

inline std::vector<std::byte> make_legacy_meta(std::span<const LegacyMeta> metas) {
  ByteWriter out;
  std::string pool;
  out.number(static_cast<std::uint32_t>(metas.size()));
  out.number(static_cast<std::uint32_t>(8 + 24 * metas.size()));
  for (const LegacyMeta& meta : metas) {
    out.number(static_cast<std::uint32_t>(pool.size()));
    out.number(static_cast<std::uint16_t>(meta.source_file.size()));
    pool += meta.source_file;
    out.number(meta.start_time_ms);
    out.number(meta.duration_ms);
    out.number(meta.bpm);
    out.number(static_cast<std::uint32_t>(pool.size()));
    out.number(static_cast<std::uint16_t>(meta.tags.size()));
    pool += meta.tags;
    out.number(std::uint16_t{0});
  }
  out.text(pool);
  return out.bytes;
}

// With metadata if `metas` holds any, with `graph` as the graph section if that is not empty.
inline std::vector<std::byte> make_vdb_version_2(std::uint32_t rows, std::uint32_t dim,
                                                 std::span<const LegacyMeta> metas = {}, std::string_view graph = {}) {
  const std::uint64_t vectors_end = 64 + std::uint64_t{rows} * dim * 4;
  const auto meta = make_legacy_meta(metas);
  ByteWriter out;
  out.text("VIBDB002");
  out.number(std::uint32_t{2});
  out.number((metas.empty() ? 0U : 2U) | (graph.empty() ? 0U : 4U));
  out.number(rows);
  out.number(dim);
  out.number(std::uint32_t{0});
  out.number(std::uint64_t{64});
  out.number(std::uint64_t{0});
  out.number(metas.empty() ? std::uint64_t{0} : vectors_end);
  out.number(graph.empty() ? std::uint64_t{0} : vectors_end + (metas.empty() ? 0 : meta.size()));
  out.number(std::uint32_t{0});
  put_rows(out, rows, dim);
  if (!metas.empty()) {
    out.bytes.insert(out.bytes.end(), meta.begin(), meta.end());
  }
  out.text(graph);
  return out.bytes;
}

}  // namespace vibrato::test
