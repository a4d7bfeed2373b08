// An open file of a SimulatedFileSystem, the only one who makes them.
// Invariant: after a power loss it is dead for good, and answers kIoError even when the power is back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/file_system.hpp"
#include "io/simulated_disk.hpp"

namespace vibrato::io {

class SimulatedFileSystem;

// Thread-safety: every method locks the file system.
class SimulatedFile final : public File {
 public:
  // Requires: the mutex of `owner`, which must outlive the file.
  SimulatedFile(SimulatedFileSystem& owner, SimulatedNodePtr node, std::string path, bool writable);

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> data) override;
  [[nodiscard]] Status sync() override;
  [[nodiscard]] Status truncate(std::uint64_t size_bytes) override;
  [[nodiscard]] Result<std::uint64_t> size() const override;
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  // All below require the mutex of owner_.
  Status check_alive() const;
  Status check_writable() const;
  Status error(ErrorCode code, std::string_view reason) const;

  SimulatedFileSystem& owner_;
  SimulatedNodePtr node_;
  std::string path_;
  bool writable_;
  std::uint64_t generation_;  // Of the file system when the file was opened.
};

}  // namespace vibrato::io
