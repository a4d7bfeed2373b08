// Reads one `.vdb` image, a file or a part of a pack, through read calls and checks the checksums of its blocks, a few
// at a time: for the scrub, which goes through everything in small steps.
//
// It opens the file anew, so that it sees what is on the disk now, and reads a copy rather than the map: bytes that the
// disk no longer gives end in a Status there, and in a signal here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"
#include "store/pack_file.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::store {

// Thread-safety: one thread at a time.
class BlockScan {
 public:
  // Checks header and tables. Errors: as VdbFile::open; kNotFound for a file or a part that is not there.
  [[nodiscard]] static Result<std::unique_ptr<BlockScan>> open(io::FileSystem& fs, const std::string& path,
                                                               std::uint32_t part);

  [[nodiscard]] bool is_done() const { return next_block_ >= image_->layout().block_count; }
  // Checks up to that many further blocks and answers how many bytes were read. Errors: kCorruption, naming file and
  // offset, also for a file that ends too early; those of the file system for bytes that the disk does not give, which
  // are no proof of damage, naming both as well. Requires: !is_done(), no error before.
  [[nodiscard]] Result<std::uint64_t> step(std::uint32_t blocks_max);

 private:
  BlockScan(std::unique_ptr<io::File> file, std::unique_ptr<VdbFile> image, std::uint64_t image_offset)
      : file_(std::move(file)), image_(std::move(image)), image_offset_(image_offset) {}

  std::unique_ptr<io::File> file_;
  std::unique_ptr<VdbFile> image_;
  std::uint64_t image_offset_;  // In the file.
  std::uint64_t next_block_ = 0;
  std::vector<std::byte> buffer_;  // One block.
};

}  // namespace vibrato::store
