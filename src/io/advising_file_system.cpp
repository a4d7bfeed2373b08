#include "io/advising_file_system.hpp"

#include <utility>

namespace vibrato::io {
namespace {

class AdvisedMap final : public ReadOnlyMap {
 public:
  AdvisedMap(std::unique_ptr<ReadOnlyMap> map, Access access) : map_(std::move(map)), access_(access) {
    map_->advise(access_, 0, map_->bytes().size());
  }

  [[nodiscard]] std::span<const std::byte> bytes() const override { return map_->bytes(); }
  void advise(Access access, std::uint64_t offset, std::uint64_t length_bytes) const override {
    map_->advise(access == Access::kNormal ? access_ : access, offset, length_bytes);
  }

 private:
  std::unique_ptr<ReadOnlyMap> map_;
  const Access access_;
};

}  // namespace

Result<std::unique_ptr<ReadOnlyMap>> AdvisingFileSystem::map_read_only(const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<ReadOnlyMap> map, base_.map_read_only(path));
  return std::unique_ptr<ReadOnlyMap>(std::make_unique<AdvisedMap>(std::move(map), access_));
}

}  // namespace vibrato::io
