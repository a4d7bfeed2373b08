// Any bytes opened as a `.vdb` file, verified and read through every accessor. Files of version 3 are tried twice: as
// they are, and with checksums that fit, so that what lies behind the checksums is reached too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/crc32c.hpp"
#include "format/vdb_header.hpp"
#include "store/vdb_file.hpp"
#include "support/memory_map.hpp"

namespace {

using vibrato::format::load_le;
using vibrato::format::store_le;

volatile float g_sink = 0;

void use(std::span<const std::byte> bytes) {
  const auto opened = vibrato::store::VdbFile::from_map("input", std::make_unique<vibrato::test::MemoryMap>(bytes));
  if (!opened.ok()) {
    return;
  }
  const vibrato::store::VdbFile& file = **opened;
  static_cast<void>(file.verify());
  const auto vectors = file.vectors();
  float sum = 0;
  for (std::uint32_t row = 0; row < vectors.rows; ++row) {
    sum += vectors.row(row).front() + vectors.row(row).back();
    static_cast<void>(file.meta_json(row));
  }
  for (const float norm : file.inverse_norms()) {
    sum += norm;
  }
  for (const char letter : file.build_info()) {
    sum += static_cast<float>(letter);
  }
  g_sink = sum;
}

// Seals whatever the header names, as far as that lies within the file.
void seal(std::span<std::byte> file) {
  constexpr std::uint64_t kHeader = vibrato::format::kVdbHeaderBytes;
  if (file.size() < kHeader || std::memcmp(file.data(), "VIBDB003", 8) != 0) {
    return;
  }
  const auto table = load_le<std::uint64_t>(file, 48);
  const auto blocks = load_le<std::uint64_t>(file, 56);
  if (table <= blocks && blocks <= file.size()) {
    const std::uint64_t count = (file.size() - blocks) / 4;
    for (std::uint64_t block = 0; block < count && block * vibrato::format::kVdbBlockBytes < table; ++block) {
      const std::uint64_t begin = std::max(block * vibrato::format::kVdbBlockBytes, kHeader);
      const std::uint64_t end = std::min((block + 1) * vibrato::format::kVdbBlockBytes, table);
      if (begin < end) {
        store_le(file, blocks + block * 4, vibrato::crc32c(file.subspan(begin, end - begin)));
      }
    }
    store_le(file, 88, vibrato::crc32c(file.subspan(table, blocks - table)));
    store_le(file, 92, vibrato::crc32c(file.subspan(blocks)));
  }
  store_le(file, kHeader - 4, vibrato::crc32c(file.first(kHeader - 4)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  use(bytes);
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  seal(sealed);
  use(sealed);
  return 0;
}
