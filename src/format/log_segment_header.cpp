#include "format/log_segment_header.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kAtSegmentVersion = 8;
constexpr std::size_t kAtSegmentHeaderBytes = 12;
constexpr std::size_t kAtSegmentStoreId = 16;
constexpr std::size_t kAtSegmentFirstLsn = 32;
constexpr std::size_t kAtSegmentPreviousFirstLsn = 40;
constexpr std::size_t kAtSegmentPreviousEnd = 48;
constexpr std::size_t kAtSegmentPreviousLastLsn = 56;
constexpr std::size_t kAtSegmentPreviousTime = 64;
constexpr std::size_t kAtSegmentPreviousChain = 72;
constexpr std::size_t kAtSegmentReserved = 76;
constexpr std::size_t kAtSegmentCrc = 124;
static_assert(kAtSegmentCrc + sizeof(std::uint32_t) == kLogSegmentHeaderBytes);

Status check_segment_envelope(std::span<const std::byte> bytes) {
  if (bytes.size() < kLogSegmentHeaderBytes) {
    return corrupt_at(0, "segment header", fmt::format("{} bytes", kLogSegmentHeaderBytes), bytes.size());
  }
  if (std::memcmp(bytes.data(), kLogSegmentMagic.data(), kLogSegmentMagic.size()) != 0) {
    return corruption("offset 0: magic: expected VIBLOG01, found other bytes");
  }
  const auto stored = load_le<std::uint32_t>(bytes, kAtSegmentCrc);
  const std::uint32_t computed = crc32c(bytes.first(kAtSegmentCrc));
  if (stored != computed) {
    return bad_checksum_at(kAtSegmentCrc, "segment header checksum", stored, computed);
  }
  if (const auto version = load_le<std::uint32_t>(bytes, kAtSegmentVersion); version != kLogVersion) {
    return invalid_argument(fmt::format("log version {} is not known to this build", version));
  }
  if (const auto size = load_le<std::uint32_t>(bytes, kAtSegmentHeaderBytes); size != kLogSegmentHeaderBytes) {
    return corrupt_at(kAtSegmentHeaderBytes, "segment header size", kLogSegmentHeaderBytes, size);
  }
  for (std::size_t i = kAtSegmentReserved; i < kAtSegmentCrc; ++i) {
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
    return all_zero ? ok_status()
                    : corrupt_at(kAtSegmentPreviousEnd, "fields of no previous segment", 0, "other bytes");
  }
  if (header.previous_end_bytes <= kLogSegmentHeaderBytes || header.previous_end_bytes % kLogFrameAlignment != 0) {
    return corrupt_at(kAtSegmentPreviousEnd, "end of the previous segment", "a multiple of 8 above its header",
                      header.previous_end_bytes);
  }
  if (header.previous_last_lsn < header.previous_first_lsn || header.previous_last_lsn >= header.first_lsn) {
    return corrupt_at(kAtSegmentPreviousLastLsn, "last LSN of the previous segment",
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
  store_le<std::uint32_t>(out, kAtSegmentVersion, kLogVersion);
  store_le<std::uint32_t>(out, kAtSegmentHeaderBytes, kLogSegmentHeaderBytes);
  std::memcpy(bytes.data() + kAtSegmentStoreId, header.store_id.data(), header.store_id.size());
  store_le(out, kAtSegmentFirstLsn, header.first_lsn.value());
  store_le(out, kAtSegmentPreviousFirstLsn, header.previous_first_lsn.value());
  store_le(out, kAtSegmentPreviousEnd, header.previous_end_bytes);
  store_le(out, kAtSegmentPreviousLastLsn, header.previous_last_lsn.value());
  store_le(out, kAtSegmentPreviousTime, header.previous_last_time_ms);
  store_le(out, kAtSegmentPreviousChain, header.previous_chain);
  store_le(out, kAtSegmentCrc, crc32c(out.first(kAtSegmentCrc)));
  return bytes;
}

Result<LogSegmentHeader> decode_log_segment_header(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(check_segment_envelope(bytes));
  LogSegmentHeader header;
  std::memcpy(header.store_id.data(), bytes.data() + kAtSegmentStoreId, header.store_id.size());
  header.first_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtSegmentFirstLsn));
  header.previous_first_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtSegmentPreviousFirstLsn));
  header.previous_end_bytes = load_le<std::uint64_t>(bytes, kAtSegmentPreviousEnd);
  header.previous_last_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtSegmentPreviousLastLsn));
  header.previous_last_time_ms = load_le<std::int64_t>(bytes, kAtSegmentPreviousTime);
  header.previous_chain = load_le<std::uint32_t>(bytes, kAtSegmentPreviousChain);
  if (header.first_lsn.value() < 1 || header.first_lsn.value() > kLogLsnMax) {
    return corrupt_at(kAtSegmentFirstLsn, "first LSN", fmt::format("1 to {}", kLogLsnMax), header.first_lsn.value());
  }
  VIBRATO_RETURN_IF_ERROR(check_previous(header));
  return header;
}

std::uint32_t log_chain_start(const LogSegmentHeader& header) {
  const auto bytes = encode_log_segment_header(header);
  return load_le<std::uint32_t>(bytes, kAtSegmentCrc);
}

std::uint32_t log_chain_extend(std::uint32_t chain, std::uint32_t frame_crc) {
  std::array<std::byte, sizeof(frame_crc)> bytes{};
  store_le<std::uint32_t>(bytes, 0, frame_crc);
  return crc32c_extend(chain, bytes);
}

}  // namespace vibrato::format
