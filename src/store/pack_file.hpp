// A pack: one file that holds many small `.vdb` images (docs/formats/pack.md), so that a thousand small collections
// cost one map, one sync and no open file each.
//
// A file of either kind may stand behind a segment's name: its first bytes tell which it is. Opening a pack reads its
// header and its table; opening a part reads what opening a `.vdb` file reads. All parts share the map of their pack,
// which goes with the last of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vibrato/result.hpp>

#include "format/pack.hpp"
#include "io/file_system.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::store {

// Immutable. Thread-safety: all methods may be called from many threads at once.
class PackFile : public std::enable_shared_from_this<PackFile> {
 public:
  // Errors: kCorruption naming `path`; kInvalidArgument for a file of a later build. Requires: 8-byte aligned bytes.
  [[nodiscard]] static Result<std::shared_ptr<const PackFile>> from_map(std::string path,
                                                                        std::shared_ptr<const io::ReadOnlyMap> map);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint32_t part_count() const { return layout_.part_count; }
  // Bytes of a part's image. Requires: part < part_count().
  [[nodiscard]] format::ByteRange part_range(std::uint32_t part) const;
  // The part as a `.vdb` file, which keeps the pack alive and whose messages say "<path> part <number>". Offsets are
  // those of the image. Errors: kNotFound for a part that is not there; as VdbFile::open.
  [[nodiscard]] Result<std::unique_ptr<VdbFile>> open_part(std::uint32_t part) const;
  // Checks every part, and that what lies between them is zeros. Errors: kCorruption.
  [[nodiscard]] Result<VerifyReport> verify(const VerifyProgress& progress = {}) const;

 private:
  PackFile(std::string path, std::shared_ptr<const io::ReadOnlyMap> map, const format::PackLayout& layout)
      : path_(std::move(path)), map_(std::move(map)), layout_(layout) {}

  std::string path_;
  std::shared_ptr<const io::ReadOnlyMap> map_;
  format::PackLayout layout_;
};

// The packs that are in use, each mapped once. It holds none of them itself.
// Thread-safety: all methods may be called from many threads at once.
class PackMaps {
 public:
  // Opens the `.vdb` file at `path` (part must be 0) or the part of the pack that is there.
  // Errors: kNotFound for a part that is not there; as VdbFile::open.
  [[nodiscard]] Result<std::unique_ptr<VdbFile>> open(io::FileSystem& fs, const std::string& path, std::uint32_t part);
  // Forgets the pack of that name, whose file was removed; parts that are open stay so.
  void forget(const std::string& path);

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const PackFile>> packs_;
};

}  // namespace vibrato::store
