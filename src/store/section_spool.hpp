// A section that grows while another one is being written: its bytes wait in a temporary file beside the target and
// are copied into the writer when their turn comes. Memory stays at one buffer. For VdbRowWriter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"
#include "store/vdb_writer.hpp"

namespace vibrato::store {

// Not thread-safe. The temporary file is created with the first full buffer and removed by the destructor.
class SectionSpool {
 public:
  // `path_prefix` starts the name of the temporary file. `fs` must outlive the spool.
  SectionSpool(io::FileSystem& fs, std::string path_prefix);
  ~SectionSpool();
  SectionSpool(const SectionSpool&) = delete;
  SectionSpool& operator=(const SectionSpool&) = delete;

  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  // Appends everything to the writer's open section.
  [[nodiscard]] Status copy_to(VdbWriter& writer) const;
  [[nodiscard]] std::uint64_t size_bytes() const { return spilled_bytes_ + buffer_.size(); }

 private:
  [[nodiscard]] Status spill();

  io::FileSystem& fs_;
  std::string path_prefix_;
  std::unique_ptr<io::File> file_;
  std::vector<std::byte> buffer_;
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace vibrato::store
