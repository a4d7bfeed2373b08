// Any bytes as the manifest of a snapshot: what is accepted can be written and read again as the same, and names no
// path outside of a snapshot. Once more with the checksum put right, so that what lies behind
// it is reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/check.hpp>

#include "format/snapshot_manifest.hpp"

namespace {

using namespace vibrato;

void check(std::string_view text) {
  const auto manifest = format::parse_manifest(text);
  if (!manifest.ok()) return;
  const auto again = format::parse_manifest(format::encode_manifest(*manifest));
  VIBRATO_CHECK(again.ok() && *again == *manifest);
  for (const format::ManifestFile& file : manifest->files) {
    VIBRATO_CHECK(file.path.front() != '/' && file.path.find("..") != 0 && file.path.find("/.") == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text);
  const std::string_view front = text.substr(0, size - std::min(size, format::kManifestTailBytes));
  check(std::string(front) + format::manifest_tail(front));
  return 0;
}
