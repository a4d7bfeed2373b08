#include "format/log_state.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kAtStateVersion = 8;
constexpr std::size_t kAtStateFlags = 12;
constexpr std::size_t kAtStateStoreId = 16;
constexpr std::size_t kAtStateHighWater = 32;
constexpr std::size_t kAtStateNewestSegment = 40;
constexpr std::size_t kAtStateEnd = 48;
constexpr std::size_t kAtStateLastLsn = 56;
constexpr std::size_t kAtStateChain = 64;
constexpr std::size_t kAtStateReserved = 68;
constexpr std::size_t kAtStateCrc = 76;
static_assert(kAtStateCrc + sizeof(std::uint32_t) == kLogStateBytes);

constexpr std::uint32_t kFlagClean = 1;

Status check_state_envelope(std::span<const std::byte> bytes) {
  if (bytes.size() != kLogStateBytes) {
    return corrupt_at(0, "log state", fmt::format("{} bytes", kLogStateBytes), bytes.size());
  }
  if (std::memcmp(bytes.data(), kLogStateMagic.data(), kLogStateMagic.size()) != 0) {
    return corruption("offset 0: magic: expected VIBLOGST, found other bytes");
  }
  const auto stored = load_le<std::uint32_t>(bytes, kAtStateCrc);
  const std::uint32_t computed = crc32c(bytes.first(kAtStateCrc));
  if (stored != computed) {
    return bad_checksum_at(kAtStateCrc, "log state checksum", stored, computed);
  }
  if (const auto version = load_le<std::uint32_t>(bytes, kAtStateVersion); version != kLogVersion) {
    return invalid_argument(fmt::format("log version {} is not known to this build", version));
  }
  if (const auto flags = load_le<std::uint32_t>(bytes, kAtStateFlags); (flags & ~kFlagClean) != 0) {
    return corrupt_at(kAtStateFlags, "flags", "0 or 1", flags);
  }
  if (const auto reserved = load_le<std::uint64_t>(bytes, kAtStateReserved); reserved != 0) {
    return corrupt_at(kAtStateReserved, "reserved bytes", 0, reserved);
  }
  return ok_status();
}

Status check_state_fields(const LogState& state) {
  if (!state.clean && (state.end_bytes != 0 || state.last_lsn.value() != 0 || state.chain != 0)) {
    return corrupt_at(kAtStateEnd, "end of a log that was not closed", 0, "other bytes");
  }
  if (state.clean && (state.newest_segment.value() == 0 || state.end_bytes < kLogSegmentHeaderBytes ||
                      state.end_bytes % kLogFrameAlignment != 0)) {
    return corrupt_at(kAtStateEnd, "end of a closed log", "a multiple of 8 behind a segment header", state.end_bytes);
  }
  if (state.high_water.value() > kLogLsnMax) {
    return corrupt_at(kAtStateHighWater, "high-water mark", fmt::format("at most {}", kLogLsnMax),
                      state.high_water.value());
  }
  if (state.last_lsn > state.high_water) {
    return corrupt_at(kAtStateLastLsn, "last LSN", fmt::format("at most {}", state.high_water.value()),
                      state.last_lsn.value());
  }
  return ok_status();
}

}  // namespace

std::array<std::byte, kLogStateBytes> encode_log_state(const LogState& state) {
  std::array<std::byte, kLogStateBytes> bytes{};
  const std::span<std::byte> out(bytes);
  std::memcpy(bytes.data(), kLogStateMagic.data(), kLogStateMagic.size());
  store_le<std::uint32_t>(out, kAtStateVersion, kLogVersion);
  store_le<std::uint32_t>(out, kAtStateFlags, state.clean ? kFlagClean : 0);
  std::memcpy(bytes.data() + kAtStateStoreId, state.store_id.data(), state.store_id.size());
  store_le(out, kAtStateHighWater, state.high_water.value());
  store_le(out, kAtStateNewestSegment, state.newest_segment.value());
  store_le(out, kAtStateEnd, state.end_bytes);
  store_le(out, kAtStateLastLsn, state.last_lsn.value());
  store_le(out, kAtStateChain, state.chain);
  store_le(out, kAtStateCrc, crc32c(out.first(kAtStateCrc)));
  return bytes;
}

Result<LogState> decode_log_state(std::span<const std::byte> bytes) {
  VIBRATO_RETURN_IF_ERROR(check_state_envelope(bytes));
  LogState state;
  std::memcpy(state.store_id.data(), bytes.data() + kAtStateStoreId, state.store_id.size());
  state.clean = load_le<std::uint32_t>(bytes, kAtStateFlags) == kFlagClean;
  state.high_water = Lsn(load_le<std::uint64_t>(bytes, kAtStateHighWater));
  state.newest_segment = Lsn(load_le<std::uint64_t>(bytes, kAtStateNewestSegment));
  state.end_bytes = load_le<std::uint64_t>(bytes, kAtStateEnd);
  state.last_lsn = Lsn(load_le<std::uint64_t>(bytes, kAtStateLastLsn));
  state.chain = load_le<std::uint32_t>(bytes, kAtStateChain);
  VIBRATO_RETURN_IF_ERROR(check_state_fields(state));
  return state;
}

}  // namespace vibrato::format
