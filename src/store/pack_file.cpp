#include "store/pack_file.hpp"

#include <fmt/format.h>

namespace vibrato::store {
namespace {

// One part of a map that is shared with others.
class MapSlice final : public io::ReadOnlyMap {
 public:
  MapSlice(std::shared_ptr<const io::ReadOnlyMap> map, const format::ByteRange& range)
      : map_(std::move(map)), range_(range) {}

  [[nodiscard]] std::span<const std::byte> bytes() const override {
    return map_->bytes().subspan(range_.offset, range_.length);
  }
  void advise(Access access, std::uint64_t offset, std::uint64_t length_bytes) const override {
    map_->advise(access, range_.offset + offset, length_bytes);
  }

 private:
  std::shared_ptr<const io::ReadOnlyMap> map_;
  format::ByteRange range_;
};

Status no_such_part(const std::string& path, std::uint32_t part) {
  return not_found(fmt::format("{}: has no part {}", path, part));
}

}  // namespace

Result<std::shared_ptr<const PackFile>> PackFile::from_map(std::string path,
                                                           std::shared_ptr<const io::ReadOnlyMap> map) {
  const auto layout = format::parse_pack(map->bytes());
  if (!layout.ok()) {
    return layout.status().with_context(path);
  }
  return std::shared_ptr<const PackFile>(new PackFile(std::move(path), std::move(map), *layout));
}

format::ByteRange PackFile::part_range(std::uint32_t part) const {
  return format::pack_part(map_->bytes(), layout_, part);
}

Result<std::unique_ptr<VdbFile>> PackFile::open_part(std::uint32_t part) const {
  if (part >= part_count()) {
    return no_such_part(path_, part);
  }
  std::shared_ptr<const io::ReadOnlyMap> map(shared_from_this(), map_.get());
  return VdbFile::from_map(fmt::format("{} part {}", path_, part),
                           std::make_unique<MapSlice>(std::move(map), part_range(part)));
}

Result<VerifyReport> PackFile::verify(const VerifyProgress& progress) const {
  VIBRATO_RETURN_IF_ERROR(format::check_pack_padding(map_->bytes(), layout_).with_context(path_));
  VerifyReport report;
  report.has_checksums = true;
  for (std::uint32_t part = 0; part < part_count(); ++part) {
    VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<VdbFile> file, open_part(part));
    VIBRATO_ASSIGN_OR_RETURN(const VerifyReport one, file->verify());
    report.has_checksums = report.has_checksums && one.has_checksums;
    report.blocks += one.blocks;
    if (progress) {
      VIBRATO_RETURN_IF_ERROR(progress(part_range(part).offset + part_range(part).length, layout_.file_bytes));
    }
  }
  report.bytes = layout_.file_bytes;
  return report;
}

Result<std::unique_ptr<VdbFile>> PackMaps::open(io::FileSystem& fs, const std::string& path, std::uint32_t part) {
  const std::lock_guard lock(mutex_);
  const auto known = packs_.find(path);
  std::shared_ptr<const PackFile> pack = known == packs_.end() ? nullptr : known->second.lock();
  if (pack == nullptr) {
    VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, fs.map_read_only(path));
    if (!format::is_pack(map->bytes())) {
      return part == 0 ? VdbFile::from_map(path, std::move(map)) : no_such_part(path, part);
    }
    VIBRATO_ASSIGN_OR_RETURN(pack, PackFile::from_map(path, std::move(map)));
    std::erase_if(packs_, [](const auto& entry) { return entry.second.expired(); });
    packs_[path] = pack;
  }
  return pack->open_part(part);
}

void PackMaps::forget(const std::string& path) {
  const std::lock_guard lock(mutex_);
  packs_.erase(path);
}

}  // namespace vibrato::store
