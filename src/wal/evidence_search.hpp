// Searches what follows the last whole group of a segment for proof that it was once durable. For recovery only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"
#include "io/file_system.hpp"

namespace vibrato::wal {

// Looks behind offset `from` for a sync group that names a durable end past `from`. Reads the rest of the file in
// windows of bounded size.
class EvidenceSearch {
 public:
  // `file` outlives it.
  EvidenceSearch(const io::File& file, const format::LogSegmentHeader& header, std::uint64_t from);

  // The sync group, or nothing when there is none.
  [[nodiscard]] Result<std::optional<format::LogFrame>> run();

  // Whether anything but zeros follows `from`. Requires: run() found nothing.
  [[nodiscard]] bool found_other_than_zeros() const { return found_other_than_zeros_; }

 private:
  [[nodiscard]] std::optional<format::LogFrame> search(std::span<const std::byte> bytes, std::uint64_t at) const;

  const io::File& file_;
  std::uint32_t salt_;
  std::uint64_t from_;
  bool found_other_than_zeros_ = false;
};

}  // namespace vibrato::wal
