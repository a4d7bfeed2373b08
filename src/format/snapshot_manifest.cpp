#include "format/snapshot_manifest.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/crc32c.hpp"
#include "base/limits.hpp"
#include "io/safe_path.hpp"

namespace vibrato::format {
namespace {

using ManifestJson = nlohmann::json;

constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;
constexpr std::string_view kChecksumField = "crc32c";

Status wrong(std::string_view field, std::string_view expected) {
  return corruption(fmt::format("{}: {}: expected {}", kManifestFile, field, expected));
}

// An object with exactly these fields.
Status check_manifest_fields(const ManifestJson& object, std::string_view what,
                             std::initializer_list<std::string_view> fields) {
  if (!object.is_object()) {
    return wrong(what, "an object");
  }
  for (const std::string_view field : fields) {
    if (!object.contains(field)) {
      return wrong(field, "a field of that name");
    }
  }
  return object.size() == fields.size() ? ok_status() : wrong(what, "no field that is not known");
}

Result<std::uint64_t> read_number(const ManifestJson& object, const char* field) {
  const ManifestJson& value = object.at(field);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kNumberMax) {
    return wrong(field, "a whole number up to 2^62");
  }
  return value.get<std::uint64_t>();
}

Result<std::string> read_text(const ManifestJson& object, const char* field) {
  const ManifestJson& value = object.at(field);
  if (!value.is_string()) {
    return wrong(field, "a text");
  }
  return value.get<std::string>();
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  return c >= 'a' && c <= 'f' ? std::optional(static_cast<unsigned>(c - 'a') + 10) : std::nullopt;
}

bool parse_hash(std::string_view text, std::array<std::byte, 32>& hash) {
  if (text.size() != 2 * hash.size()) {
    return false;
  }
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high.has_value() || !low.has_value()) {
      return false;
    }
    hash[i] = static_cast<std::byte>(*high * 16 + *low);
  }
  return true;
}

Result<ManifestFile> read_file(const ManifestJson& entry) {
  VIBRATO_RETURN_IF_ERROR(check_manifest_fields(entry, "files", {"path", "bytes", "sha256"}));
  ManifestFile file;
  VIBRATO_ASSIGN_OR_RETURN(file.path, read_text(entry, "path"));
  if (!is_snapshot_path(file.path)) {
    return wrong("path", "catalog.db, state.db, docs.db, sql.db, pepper, wal/NAME or segments/NAME");
  }
  VIBRATO_ASSIGN_OR_RETURN(file.bytes, read_number(entry, "bytes"));
  VIBRATO_ASSIGN_OR_RETURN(const std::string hash, read_text(entry, "sha256"));
  if (!parse_hash(hash, file.sha256)) {
    return wrong("sha256", "64 hexadecimal digits");
  }
  return file;
}

Result<std::vector<ManifestFile>> read_files(const ManifestJson& entries) {
  if (!entries.is_array() || entries.size() > limits::kSnapshotFilesMax) {
    return wrong("files", fmt::format("a list of at most {}", limits::kSnapshotFilesMax));
  }
  std::vector<ManifestFile> files;
  files.reserve(entries.size());
  std::uint64_t bytes = 0;
  for (const ManifestJson& entry : entries) {
    VIBRATO_ASSIGN_OR_RETURN(ManifestFile file, read_file(entry));
    if (!files.empty() && files.back().path >= file.path) {
      return wrong("files", "paths in order, each once");
    }
    if (file.bytes > kNumberMax - bytes) {
      return wrong("bytes", "sizes that add up to at most 2^62");
    }
    bytes += file.bytes;
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

bool is_snapshot_path(std::string_view path) {
  for (const std::string_view file : {"catalog.db", "docs.db", "pepper", "sql.db", "state.db"}) {
    if (path == file) {
      return true;
    }
  }
  for (const std::string_view folder : {"wal/", "segments/"}) {
    if (path.starts_with(folder)) {
      return io::is_safe_name(path.substr(folder.size()));
    }
  }
  return false;
}

std::string encode_manifest(const SnapshotManifest& manifest) {
  nlohmann::ordered_json out;
  out["version"] = kManifestVersion;
  out["name"] = manifest.name;
  out["lsn"] = manifest.lsn.value();
  out["created_at_ms"] = static_cast<std::uint64_t>(std::max<std::int64_t>(manifest.created_at_ms, 0));
  out["collections"] = manifest.collections;
  auto files = nlohmann::ordered_json::array();
  for (const ManifestFile& file : manifest.files) {
    std::string hash;
    for (const std::byte byte : file.sha256) {
      fmt::format_to(std::back_inserter(hash), "{:02x}", std::to_integer<unsigned>(byte));
    }
    files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", hash}});
  }
  out["files"] = std::move(files);
  std::string text = out.dump(1);
  text.replace(text.size() - 2, 2, ",\n");  // In place of the line with the last brace, which the tail brings.
  return text + manifest_tail(text);
}

std::string manifest_tail(std::string_view front) {
  return fmt::format(" \"{}\": \"{:08x}\"\n}}\n", kChecksumField, crc32c(std::as_bytes(std::span(front))));
}

Result<SnapshotManifest> parse_manifest(std::string_view text) {
  if (text.size() > limits::kManifestBytesMax) {
    return wrong("size", fmt::format("at most {} bytes", limits::kManifestBytesMax));
  }
  const ManifestJson json = ManifestJson::parse(text, nullptr, false);
  if (json.is_discarded()) {
    return wrong("content", "JSON");
  }
  if (json.is_object() && json.contains("version") && json["version"].is_number_unsigned() &&
      json["version"].get<std::uint64_t>() > kManifestVersion) {
    return invalid_argument(fmt::format("{}: a snapshot of a newer vibratod", kManifestFile));
  }
  VIBRATO_RETURN_IF_ERROR(check_manifest_fields(
      json, "manifest", {"version", "name", "lsn", "created_at_ms", "collections", "files", kChecksumField}));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t version, read_number(json, "version"));
  if (version != kManifestVersion) {
    return wrong("version", "1");
  }
  SnapshotManifest manifest;
  VIBRATO_ASSIGN_OR_RETURN(manifest.name, read_text(json, "name"));
  if (!io::is_safe_name(manifest.name)) {
    return wrong("name", "letters, digits, '_', '-' and '.'");
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t lsn, read_number(json, "lsn"));
  manifest.lsn = Lsn(lsn);
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t created, read_number(json, "created_at_ms"));
  manifest.created_at_ms = static_cast<std::int64_t>(created);
  VIBRATO_ASSIGN_OR_RETURN(manifest.collections, read_number(json, "collections"));
  VIBRATO_ASSIGN_OR_RETURN(manifest.files, read_files(json["files"]));
  const std::size_t front_bytes = text.size() - std::min(text.size(), kManifestTailBytes);
  if (text.substr(front_bytes) != manifest_tail(text.substr(0, front_bytes))) {
    return wrong(kChecksumField, "that of all bytes in front of it, as the last line but one");
  }
  return manifest;
}

}  // namespace vibrato::format
