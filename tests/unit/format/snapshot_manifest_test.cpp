#include "format/snapshot_manifest.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

SnapshotManifest made_manifest() {
  SnapshotManifest manifest;
  manifest.name = "nightly-1";
  manifest.lsn = Lsn(42);
  manifest.created_at_ms = 1'700'000'000'000;
  manifest.collections = 2;
  for (const char* const path : {"catalog.db", "pepper", "segments/a.vdb", "wal/state"}) {
    ManifestFile file;
    file.path = path;
    file.bytes = 10 + manifest.files.size();
    file.sha256.fill(static_cast<std::byte>(manifest.files.size() + 0xa0));
    manifest.files.push_back(file);
  }
  return manifest;
}

// The text with a part of it replaced.
std::string with(const std::string& part, const std::string& other) {
  std::string text = encode_manifest(made_manifest());
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), other);
}

TEST(SnapshotManifest, comes_back_as_it_was_written) {
  const auto parsed = parse_manifest(encode_manifest(made_manifest()));
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, made_manifest());
}

TEST(SnapshotManifest, names_only_files_that_a_snapshot_has) {
  for (const char* const path : {"catalog.db", "pepper", "wal/state", "segments/7-1.vdb"}) {
    EXPECT_TRUE(is_snapshot_path(path)) << path;
  }
  for (const char* const path :
       {"", "manifest.json", "/etc/passwd", "../catalog.db", "wal/../pepper", "wal/", "wal", "wal//state", "wal/.x",
        "segments/a/b", "segments/..", "tmp/x", "catalog.db/x", "segments/a\nb"}) {
    EXPECT_FALSE(is_snapshot_path(path)) << path;
  }
  EXPECT_CODE(parse_manifest(with("segments/a.vdb", "segments/../../x")), ErrorCode::kCorruption);
  EXPECT_CODE(parse_manifest(with("\"pepper\"", "\"/etc/passwd\"")), ErrorCode::kCorruption);
}

TEST(SnapshotManifest, anything_else_than_exactly_its_fields_is_refused_with_the_field_named) {
  const auto expect_refused = [](const std::string& text, const std::string& field) {
    const auto parsed = parse_manifest(text);
    EXPECT_CODE(parsed, ErrorCode::kCorruption) << text;
    EXPECT_NE(parsed.status().message().find(field), std::string::npos) << parsed.status().message();
  };
  expect_refused("", "JSON");
  expect_refused("[]", "manifest");
  expect_refused("{}", "version");
  expect_refused(with("\"lsn\": 42", "\"lsn\": -1"), "lsn");
  expect_refused(with("\"lsn\": 42", "\"lsn\": 4611686018427387905"), "lsn");
  expect_refused(with("\"lsn\": 42", "\"lsn\": \"42\""), "lsn");
  expect_refused(with("\"lsn\": 42", "\"lsn\": 42, \"more\": 1"), "manifest");
  expect_refused(with("\"version\": 1", "\"version\": 0"), "version");
  expect_refused(with("nightly-1", "../nightly"), "name");
  expect_refused(with("\"bytes\": 10", "\"bytes\": 1.5"), "bytes");
  expect_refused(with("\"bytes\": 10", "\"bytes\": 4611686018427387904"), "bytes");
  expect_refused(with("a0a0", "A0a0"), "sha256");
  expect_refused(with("a0a0", "a0"), "sha256");
  expect_refused(with("\"pepper\"", "\"catalog.db\""), "order");
  expect_refused(with("\"files\": [", "\"files\": [1, "), "files");
  expect_refused(with("\"collections\": 2", "\"collections\": 3"), "crc32c");
  expect_refused(encode_manifest(made_manifest()) + "\n", "crc32c");
  EXPECT_CODE(parse_manifest(with("\"version\": 1", "\"version\": 2")), ErrorCode::kInvalidArgument);
}

TEST(SnapshotManifest, every_flipped_bit_is_found) {
  const std::string good = encode_manifest(made_manifest());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string text = good;
      text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << bit));
      ASSERT_FALSE(parse_manifest(text).ok()) << "byte " << at << ", bit " << bit;
    }
  }
}

TEST(SnapshotManifest, is_bounded) {
  EXPECT_CODE(parse_manifest(std::string(limits::kManifestBytesMax + 1, ' ')), ErrorCode::kCorruption);
  SnapshotManifest manifest = made_manifest();
  manifest.files.clear();
  for (std::size_t i = 0; i < limits::kSnapshotFilesMax; ++i) {
    manifest.files.push_back({"segments/" + std::to_string(1'000'000 + i), 1, {}});
  }
  EXPECT_OK(parse_manifest(encode_manifest(manifest)));
  manifest.files.push_back({"segments/9999999", 1, {}});
  EXPECT_CODE(parse_manifest(encode_manifest(manifest)), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
