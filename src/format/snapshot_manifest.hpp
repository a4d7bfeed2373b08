// The manifest of a snapshot: which files it has, how large they are, and their SHA-256. It is written last, so a
// folder without one is no snapshot. Bytes and an example: docs/formats/snapshot.md. Pure and total: any text gives a
// manifest or a Status.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"

namespace vibrato::format {

inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::uint32_t kManifestVersion = 1;

struct ManifestFile {
  std::string path;  // Relative, of at most two safe names: see is_snapshot_path().
  std::uint64_t bytes = 0;
  std::array<std::byte, 32> sha256{};

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct SnapshotManifest {
  std::string name;  // A safe name.
  Lsn lsn;           // All up to here is in it, nothing behind.
  std::int64_t created_at_ms = 0;
  std::uint64_t collections = 0;
  std::vector<ManifestFile> files;  // By path, each once.

  friend bool operator==(const SnapshotManifest&, const SnapshotManifest&) = default;
};

// "catalog.db", "state.db", "docs.db", "sql.db", "pepper", "wal/<safe name>" or "segments/<safe name>": nothing else
// can be in a snapshot.
[[nodiscard]] bool is_snapshot_path(std::string_view path);

// Requires: the manifest keeps its invariants.
[[nodiscard]] std::string encode_manifest(const SnapshotManifest& manifest);

// The last bytes of every manifest: the CRC32C of all bytes in front of them.
inline constexpr std::size_t kManifestTailBytes = 24;
[[nodiscard]] std::string manifest_tail(std::string_view front);

// Errors: kCorruption naming the field: text past limits::kManifestBytesMax, no JSON, missing or unknown fields,
// paths that are none, out of order or come twice, more than limits::kSnapshotFilesMax files, sizes whose sum
// overflows; another end than manifest_tail(). kInvalidArgument for a later version.
[[nodiscard]] Result<SnapshotManifest> parse_manifest(std::string_view text);

}  // namespace vibrato::format
