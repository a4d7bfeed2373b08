#include "engine/snapshot_check.hpp"

#include <algorithm>
#include <set>

#include "base/limits.hpp"
#include "catalog/catalog.hpp"
#include "engine/data_folder.hpp"
#include "engine/file_hash.hpp"
#include "io/copy_file.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::engine {
namespace {

Status unexpected(const std::string& path) {
  return corruption(path + ": expected only what the manifest names, found this");
}

// Paths of all regular files, relative; anything else is refused. The manifest itself is left out.
Result<std::set<std::string>> list_files(io::FileSystem& fs, const std::string& folder) {
  std::set<std::string> files;
  VIBRATO_ASSIGN_OR_RETURN(const auto entries, fs.list_directory(folder));
  for (const io::FileInfo& entry : entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.is_regular) {
      if (entry.name != format::kManifestFile) {
        files.insert(entry.name);
      }
      continue;
    }
    if (!entry.is_directory || (entry.name != kLogFolder && entry.name != vector::kSegmentsFolder)) {
      return unexpected(path);
    }
    VIBRATO_ASSIGN_OR_RETURN(const auto inner, fs.list_directory(path));
    for (const io::FileInfo& file : inner) {
      if (!file.is_regular) {
        return unexpected(path + "/" + file.name);
      }
      files.insert(entry.name + "/" + file.name);
    }
  }
  return files;
}

Status check_presence(io::FileSystem& fs, const std::string& folder, const format::SnapshotManifest& manifest) {
  VIBRATO_ASSIGN_OR_RETURN(std::set<std::string> files, list_files(fs, folder));
  for (const format::ManifestFile& file : manifest.files) {
    if (files.erase(file.path) == 0) {
      return corruption(folder + "/" + file.path + ": expected a regular file as in the manifest, found none");
    }
  }
  if (!files.empty()) {
    return unexpected(folder + "/" + *files.begin());
  }
  for (const std::string_view needed : {catalog::kCatalogFile, std::string_view("wal/state")}) {
    const bool is_named = std::any_of(manifest.files.begin(), manifest.files.end(),
                                      [needed](const format::ManifestFile& file) { return file.path == needed; });
    if (!is_named) {
      return corruption(folder + ": " + std::string(needed) + ": expected it in the manifest, found nothing");
    }
  }
  return ok_status();
}

}  // namespace

Result<format::SnapshotManifest> read_manifest(io::FileSystem& fs, const std::string& folder) {
  VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo root, fs.stat(folder));
  if (!root.is_directory) {
    return invalid_argument(folder + " is no folder");
  }
  const std::string path = folder + "/" + std::string(format::kManifestFile);
  VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, fs.stat(path));
  if (!info.is_regular || info.size_bytes > limits::kManifestBytesMax) {
    return corruption(path + ": expected a regular file of at most " + std::to_string(limits::kManifestBytesMax) +
                      " bytes");
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto file, fs.open(path, io::OpenMode::kReadOnly));
  std::string text(info.size_bytes, '\0');
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  auto manifest = format::parse_manifest(text);
  return manifest.ok() ? manifest : manifest.status().with_context(folder);
}

Result<format::SnapshotManifest> check_snapshot_files(io::FileSystem& fs, const std::string& folder) {
  VIBRATO_ASSIGN_OR_RETURN(format::SnapshotManifest manifest, read_manifest(fs, folder));
  VIBRATO_RETURN_IF_ERROR(check_presence(fs, folder, manifest));
  for (const format::ManifestFile& file : manifest.files) {
    VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, fs.stat(folder + "/" + file.path));
    if (info.size_bytes != file.bytes) {
      return corruption(folder + "/" + file.path + ": size: expected " + std::to_string(file.bytes) + " bytes, found " +
                        std::to_string(info.size_bytes));
    }
  }
  return manifest;
}

Result<format::SnapshotManifest> check_snapshot(io::FileSystem& fs, const std::string& folder,
                                                const BytesProgress& progress) {
  VIBRATO_ASSIGN_OR_RETURN(format::SnapshotManifest manifest, read_manifest(fs, folder));
  VIBRATO_RETURN_IF_ERROR(check_presence(fs, folder, manifest));
  std::uint64_t total = 0;
  for (const format::ManifestFile& file : manifest.files) {
    total += file.bytes;
  }
  std::uint64_t done = 0;
  for (const format::ManifestFile& file : manifest.files) {
    const std::string path = folder + "/" + file.path;
    VIBRATO_ASSIGN_OR_RETURN(const FileDigest digest, hash_file(fs, path, file.bytes, [&](std::uint64_t bytes) {
                               done += bytes;
                               if (progress) {
                                 progress(done, total);
                               }
                               return ok_status();
                             }));
    if (digest != file.sha256) {
      return corruption(path + ": SHA-256: expected that of the manifest, found another");
    }
  }
  return manifest;
}

}  // namespace vibrato::engine
