#include "format/log_segment_header.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kAtVersion = 8;
constexpr std::size_t kAtHeaderBytes = 12;
constexpr std::size_t kAtStoreId = 16;
constexpr std::size_t kAtFirstLsn = 32;
constexpr std::size_t kAtPreviousFirstLsn = 40;
constexpr std::size_t kAtPreviousEnd = 48;
constexpr std::size_t kAtPreviousLastLsn = 56;
constexpr std::size_t kAtPreviousTime = 64;
constexpr std::size_t kAtPreviousChain = 72;
constexpr std::size_t kAtReserved = 76;
constexpr std::size_t kAtCrc = 124;
static_assert(kAtCrc + sizeof(std::uint32_t) == kLogSegmentHeaderBytes);

Status check_envelope(std::span<const std::byte> bytes) {
  if (bytes.size() < kLogSegmentHeaderBytes) {
    return corrupt_at(0, "segment header", fmt::format("{} bytes", kLogSegmentHeaderBytes), bytes.size());
  }
  if (std::memcmp(bytes.data(), kLogSegmentMagic.data(), kLogSegmentMagic.size()) != 0) {
    return corruption("offset 0: magic: expected VIBLOG01, found other bytes");
  }
  const auto stored = load_le<std::uint32_t>(bytes, kAtCrc);
  const std::uint32_t computed = crc32c(bytes.first(kAtCrc));
  if (stored != computed) {
    return bad_checksum_at(kAtCrc, "segment header checksum", stored, computed);
  }
  if (const auto version = load_le<std::uint32_t>(bytes, kAtVersion); version != kLogVersion) {
    return invalid_argument(fmt::format("log version {} is not known to this build", version));
  }
  if (const auto size = load_le<std::uint32_t>(bytes, kAtHeaderBytes); size != kLogSegmentHeaderBytes) {
    return corrupt_at(kAtHeaderBytes, "segment header size", kLogSegmentHeaderBytes, size);
  }
  for (std::size_t i = kAtReserved; i < kAtCrc; ++i) {
    if (bytes[i] != std::byte{0}) {
      return corrupt_at(i, "reserved byte", 0, std::to_integer<int>(bytes[i]));
    }
  }
  return ok_status();
}

Status check_previous(const LogSegmentHeader& header) {
  if (!header.has_previous()) {
    const bool all_zero = header.previous_end_bytes == 0 && header.previous_last_lsn.value() == 0 &&
                          header.previous_last_time_ms == 0 && header.previous_chain == 0;
    return all_zero ? ok_status() : corrupt_at(kAtPreviousEnd, "fields of no previous segment", 0, "other bytes");
  }
  if (header.previous_end_bytes <= kLogSegmentHeaderBytes || header.previous_end_bytes % kLogFrameAlignment != 0) {
    return corrupt_at(kAtPreviousEnd, "end of the previous segment", "a multiple of 8 above its header",
                      header.previous_end_bytes);
  }
  if (header.previous_last_lsn < header.previous_first_lsn || header.previous_last_lsn >= header.first_lsn) {
    return corrupt_at(kAtPreviousLastLsn, "last LSN of the previous segment",
                      fmt::format("{} to below {}", header.previous_first_lsn.value(), header.first_lsn.value()),
                      header.previous_last_lsn.value());
  }
  return ok_status();
}

}  // namespace

std::array<std::byte, kLogSegmentHeaderBytes> encode_log_segment_header(const LogSegmentHeader& header) {
  std::array<std::byte, kLogSegmentHeaderBytes> bytes{};
  const std::span<std::byte> out(bytes);
  std::memcpy(bytes.data(), kLogSegmentMagic.data(), kLogSegmentMagic.size());
  store_le<std::uint32_t>(out, kAtVersion, kLogVersion);
  store_le<std::uint32_t>(out, kAtHeaderBytes, kLogSegmentHeaderBytes);
  std::memcpy(bytes.data() + kAtStoreId, header.store_id.data(), header.store_id.size());
  store_le(out, kAtFirstLsn, header.first_lsn.value());
  store_le(out, kAtPreviousFirstLsn, header.previous_first_lsn.value());
  store_le(out, kAtPreviousEnd, header.previous_end_bytes);
  store_le(out, kAtPreviousLastLsn, header.previous_last_lsn.value());
  store_le(out, kAtPreviousTime, header.previous_last_time_ms);
  store_le(out, kAtPreviousChain, header.previous_chain);
  store_le(out, kAtCrc, crc32c(out.first(kAtCrc)));
  return bytes;
}

Result<LogSegmentHeader> decode_log_segment_header(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(check_envelope(bytes));
  LogSegmentHeader header;
  std::memcpy(header.store_id.data(), bytes.data() + kAtStoreId, header.store_id.size());
  header.first_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtFirstLsn));
  header.previous_first_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtPreviousFirstLsn));
  header.previous_end_bytes = load_le<std::uint64_t>(bytes, kAtPreviousEnd);
  header.previous_last_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtPreviousLastLsn));
  header.previous_last_time_ms = load_le<std::int64_t>(bytes, kAtPreviousTime);
  header.previous_chain = load_le<std::uint32_t>(bytes, kAtPreviousChain);
  if (header.first_lsn.value() < 1 || header.first_lsn.value() > kLogLsnMax) {
    return corrupt_at(kAtFirstLsn, "first LSN", fmt::format("1 to {}", kLogLsnMax), header.first_lsn.value());
  }
  VIBRATO_RETURN_IF_ERROR(check_previous(header));
  return header;
}

std::uint32_t log_chain_start(const LogSegmentHeader& header) {
  const auto bytes = encode_log_segment_header(header);
  return load_le<std::uint32_t>(bytes, kAtCrc);
}

std::uint32_t log_chain_extend(std::uint32_t chain, std::uint32_t frame_crc) {
  std::array<std::byte, sizeof(frame_crc)> bytes{};
  store_le<std::uint32_t>(bytes, 0, frame_crc);
  return crc32c_extend(chain, bytes);
}

}  // namespace vibrato::format
