// Any bytes as a `.vdb` file of any version: an accepted layout lies within the file, and checking every block of it
// ends with a verdict. Each input is read twice, as it is and with the checksums of version 3 put right, so that the
// checks behind them are reached too.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>
#include <vibrato/check.hpp>

#include "base/crc32c.hpp"
#include "format/vdb_blocks.hpp"
#include "format/vdb_parse.hpp"

namespace {

using namespace vibrato::format;

// Offsets in the header of version 3 (docs/formats/vdb.md).
constexpr std::size_t kFileBytesAt = 16;
constexpr std::size_t kSectionTableAt = 48;
constexpr std::size_t kBlockTableAt = 56;
constexpr std::size_t kSectionTableCrcAt = 88;
constexpr std::size_t kBlockTableCrcAt = 92;
constexpr std::size_t kHeaderCrcAt = 124;

void read_all(std::span<const std::byte> bytes) {
  const auto layout = parse_vdb(bytes);
  if (!layout.ok()) return;
  VIBRATO_CHECK(layout->file_bytes <= bytes.size());
  (void)check_vdb_block_range(bytes, *layout, 0, layout->file_bytes);
}

template <typename T>
T load(const std::vector<std::byte>& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <typename T>
void store(std::vector<std::byte>& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

void put_checksums_right(std::vector<std::byte>& bytes) {
  const std::uint64_t size = bytes.size();
  std::memcpy(bytes.data(), kVdbMagic3.data(), kVdbMagic3.size());
  store(bytes, kFileBytesAt, size);
  const auto sections = load<std::uint64_t>(bytes, kSectionTableAt);
  const auto blocks = load<std::uint64_t>(bytes, kBlockTableAt);
  if (sections <= blocks && blocks <= size) {
    const std::span<const std::byte> all(bytes);
    store(bytes, kSectionTableCrcAt, vibrato::crc32c(all.subspan(sections, blocks - sections)));
    store(bytes, kBlockTableCrcAt, vibrato::crc32c(all.subspan(blocks)));
  }
  store(bytes, kHeaderCrcAt, vibrato::crc32c(std::span<const std::byte>(bytes).first(kHeaderCrcAt)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  read_all(bytes);
  if (size >= kVdbHeaderBytes) {
    std::vector<std::byte> repaired(bytes.begin(), bytes.end());
    put_checksums_right(repaired);
    read_all(repaired);
  }
  return 0;
}
