#include "wal/evidence_search.hpp"

#include <algorithm>
#include <vector>

#include "format/log_frame.hpp"

namespace vibrato::wal {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} * 1024 * 1024;

}  // namespace

EvidenceSearch::EvidenceSearch(const io::File& file, const format::LogSegmentHeader& header, std::uint64_t from)
    : file_(file), salt_(format::log_salt(header.store_id, header.first_lsn)), from_(from) {}

Result<std::optional<format::LogFrame>> EvidenceSearch::run() {
  // Windows overlap by a sync group, so that none is missed between two.
  std::vector<std::byte> window(kWindowBytes + format::kLogSyncGroupBytes);
  for (std::uint64_t at = from_;; at += kWindowBytes) {
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file_.read_at(at, window));
    const auto bytes = std::span<const std::byte>(window).first(count);
    if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; })) {
      found_other_than_zeros_ = true;
      if (const auto frame = search(bytes, at); frame.has_value()) {
        return frame;
      }
    }
    if (count < window.size()) {
      return std::optional<format::LogFrame>();
    }
  }
}

std::optional<format::LogFrame> EvidenceSearch::search(std::span<const std::byte> bytes, std::uint64_t at) const {
  // Frames start at multiples of 8. The kind, the last byte of the header, rules out nearly all places.
  constexpr std::size_t kAtKind = format::kLogFrameHeaderBytes - 1;
  for (std::size_t i = 0; i + format::kLogSyncGroupBytes <= bytes.size(); i += format::kLogFrameAlignment) {
    if (bytes[i + kAtKind] != static_cast<std::byte>(format::LogFrameKind::kSyncGroup)) {
      continue;
    }
    const auto frame = format::decode_log_frame(bytes.subspan(i, format::kLogSyncGroupBytes), at + i, salt_);
    if (frame.ok() && frame->durable_end_bytes > from_) {
      return *frame;
    }
  }
  return std::nullopt;
}

}  // namespace vibrato::wal
