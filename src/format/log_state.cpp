#include "format/log_state.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kAtVersion = 8;
constexpr std::size_t kAtFlags = 12;
constexpr std::size_t kAtStoreId = 16;
constexpr std::size_t kAtHighWater = 32;
constexpr std::size_t kAtNewestSegment = 40;
constexpr std::size_t kAtEnd = 48;
constexpr std::size_t kAtLastLsn = 56;
constexpr std::size_t kAtChain = 64;
constexpr std::size_t kAtReserved = 68;
constexpr std::size_t kAtCrc = 76;
static_assert(kAtCrc + sizeof(std::uint32_t) == kLogStateBytes);

constexpr std::uint32_t kFlagClean = 1;

Status check_envelope(std::span<const std::byte> bytes) {
  if (bytes.size() != kLogStateBytes) {
    return corrupt_at(0, "log state", fmt::format("{} bytes", kLogStateBytes), bytes.size());
  }
  if (std::memcmp(bytes.data(), kLogStateMagic.data(), kLogStateMagic.size()) != 0) {
    return corruption("offset 0: magic: expected VIBLOGST, found other bytes");
  }
  const auto stored = load_le<std::uint32_t>(bytes, kAtCrc);
  const std::uint32_t computed = crc32c(bytes.first(kAtCrc));
  if (stored != computed) {
    return bad_checksum_at(kAtCrc, "log state checksum", stored, computed);
  }
  if (const auto version = load_le<std::uint32_t>(bytes, kAtVersion); version != kLogVersion) {
    return invalid_argument(fmt::format("log version {} is not known to this build", version));
  }
  if (const auto flags = load_le<std::uint32_t>(bytes, kAtFlags); (flags & ~kFlagClean) != 0) {
    return corrupt_at(kAtFlags, "flags", "0 or 1", flags);
  }
  if (const auto reserved = load_le<std::uint64_t>(bytes, kAtReserved); reserved != 0) {
    return corrupt_at(kAtReserved, "reserved bytes", 0, reserved);
  }
  return ok_status();
}

Status check_fields(const LogState& state) {
  if (!state.clean && (state.end_bytes != 0 || state.last_lsn.value() != 0 || state.chain != 0)) {
    return corrupt_at(kAtEnd, "end of a log that was not closed", 0, "other bytes");
  }
  if (state.clean && (state.newest_segment.value() == 0 || state.end_bytes < kLogSegmentHeaderBytes ||
                      state.end_bytes % kLogFrameAlignment != 0)) {
    return corrupt_at(kAtEnd, "end of a closed log", "a multiple of 8 behind a segment header", state.end_bytes);
  }
  if (state.high_water.value() > kLogLsnMax) {
    return corrupt_at(kAtHighWater, "high-water mark", fmt::format("at most {}", kLogLsnMax), state.high_water.value());
  }
  if (state.last_lsn > state.high_water) {
    return corrupt_at(kAtLastLsn, "last LSN", fmt::format("at most {}", state.high_water.value()),
                      state.last_lsn.value());
  }
  return ok_status();
}

}  // namespace

std::array<std::byte, kLogStateBytes> encode_log_state(const LogState& state) {
  std::array<std::byte, kLogStateBytes> bytes{};
  const std::span<std::byte> out(bytes);
  std::memcpy(bytes.data(), kLogStateMagic.data(), kLogStateMagic.size());
  store_le<std::uint32_t>(out, kAtVersion, kLogVersion);
  store_le<std::uint32_t>(out, kAtFlags, state.clean ? kFlagClean : 0);
  std::memcpy(bytes.data() + kAtStoreId, state.store_id.data(), state.store_id.size());
  store_le(out, kAtHighWater, state.high_water.value());
  store_le(out, kAtNewestSegment, state.newest_segment.value());
  store_le(out, kAtEnd, state.end_bytes);
  store_le(out, kAtLastLsn, state.last_lsn.value());
  store_le(out, kAtChain, state.chain);
  store_le(out, kAtCrc, crc32c(out.first(kAtCrc)));
  return bytes;
}

Result<LogState> decode_log_state(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(check_envelope(bytes));
  LogState state;
  std::memcpy(state.store_id.data(), bytes.data() + kAtStoreId, state.store_id.size());
  state.clean = load_le<std::uint32_t>(bytes, kAtFlags) == kFlagClean;
  state.high_water = Lsn(load_le<std::uint64_t>(bytes, kAtHighWater));
  state.newest_segment = Lsn(load_le<std::uint64_t>(bytes, kAtNewestSegment));
  state.end_bytes = load_le<std::uint64_t>(bytes, kAtEnd);
  state.last_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtLastLsn));
  state.chain = load_le<std::uint32_t>(bytes, kAtChain);
  VIBRATO_RETURN_IF_ERROR(check_fields(state));
  return state;
}

}  // namespace vibrato::format
