// Any bytes as a log: the decoders alone, then as the segment of a log that is opened, read and appended to. The input
// is tried as it is and with checksums that fit, so that what lies behind the checksums is reached too.
//
// The first byte says whether the state file claims a clean end; the rest is the segment.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "format/little_endian.hpp"
#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"
#include "format/log_state.hpp"
#include "io/simulated_file_system.hpp"
#include "wal/local_log.hpp"
#include "wal/segment_name.hpp"

namespace {

namespace format = vibrato::format;
namespace io = vibrato::io;
namespace wal = vibrato::wal;
using vibrato::Lsn;

// Aborts, in release builds too: the fuzzer takes that for a finding.
void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void put(io::FileSystem& fs, const std::string& path, std::span<const std::byte> content) {
  auto file = fs.open(path, io::OpenMode::kCreateTruncate);
  require(file.ok() && (*file)->write_at(0, content).ok() && (*file)->sync().ok());
}

std::size_t count_records(wal::Log& log) {
  const Lsn oldest = log.stats().oldest_lsn;
  const auto cursor = log.read_from(oldest);
  require(cursor.ok());
  std::size_t records = 0;
  for (Lsn last;;) {
    const auto record = (*cursor)->next();
    require(record.ok());  // What opening accepted reads without an error.
    if (!record->has_value()) {
      return records;
    }
    require((*record)->lsn > last && (*record)->lsn >= oldest);
    last = (*record)->lsn;
    ++records;
  }
}

void open_as_log(std::span<const std::byte> segment, bool clean) {
  const auto header = format::decode_log_segment_header(segment);
  const Lsn first_lsn = header.ok() ? header->first_lsn : Lsn(1);
  format::LogState state;
  state.store_id = header.ok() ? header->store_id : format::StoreId{};
  state.newest_segment = first_lsn;
  state.high_water = Lsn(format::kLogLsnMax / 2);
  state.clean = clean;
  if (clean) {
    state.end_bytes = std::max<std::uint64_t>(segment.size() & ~std::size_t{7}, format::kLogSegmentHeaderBytes);
  }
  io::SimulatedFileSystem fs;
  require(fs.create_directory("/wal").ok());
  put(fs, "/wal/state", format::encode_log_state(state));
  put(fs, "/wal/" + wal::segment_name(first_lsn), segment);
  wal::LocalLogOptions options;
  options.zeros_ahead_bytes = 64;  // The simulated disk is slow with large writes.
  std::size_t records = 0;
  {
    auto log = wal::LocalLog::open(fs, "/wal", options);
    if (!log.ok()) {
      require(log.status().code() == vibrato::ErrorCode::kInvalidArgument);  // A later version.
      return;
    }
    records = count_records(**log);
    if (!(*log)->health().ok()) {
      return;
    }
    wal::Record record;
    record.time_ms = (*log)->end().last_time_ms;
    require((*log)->append(std::vector{wal::RecordGroup(&record, 1)}, (*log)->end().last_lsn).ok());
    require((*log)->close().ok());
  }
  auto again = wal::LocalLog::open(fs, "/wal", options);
  require(again.ok() && (*again)->health().ok());
  require(count_records(**again) == records + 1);
}

// What is accepted is written again as the same bytes.
void round_trip(std::span<const std::byte> bytes) {
  if (const auto header = format::decode_log_segment_header(bytes); header.ok()) {
    require(
        std::ranges::equal(format::encode_log_segment_header(*header), bytes.first(format::kLogSegmentHeaderBytes)));
  }
  if (const auto state = format::decode_log_state(bytes); state.ok()) {
    require(std::ranges::equal(format::encode_log_state(*state), bytes));
  }
  if (const auto frame = format::decode_log_frame(bytes, 128, 1); frame.ok()) {
    std::vector<std::byte> again;
    format::append_log_frame(again, 128, 1, *frame);
    require(std::ranges::equal(again, bytes.first(again.size())));
  }
}

// Puts right the checksums of the header and of the frames that follow from their lengths.
void seal(std::span<std::byte> segment) {
  if (segment.size() < format::kLogSegmentHeaderBytes) {
    return;
  }
  format::store_le(segment, 124, vibrato::crc32c(segment.first(124)));
  const auto header = format::decode_log_segment_header(segment);
  if (!header.ok()) {
    return;
  }
  const std::uint32_t salt = format::log_salt(header->store_id, header->first_lsn);
  for (std::size_t at = format::kLogSegmentHeaderBytes; at + format::kLogFrameHeaderBytes <= segment.size();) {
    const auto frame = segment.subspan(at);
    const auto bytes = format::peek_log_frame_bytes(frame, at);
    if (!bytes.ok() || *bytes > frame.size()) {
      return;
    }
    std::array<std::byte, 8> place{};
    format::store_le<std::uint64_t>(place, 0, at);
    std::uint32_t crc = vibrato::crc32c_extend(vibrato::crc32c_extend(salt, place), frame.first(4));
    crc = vibrato::crc32c_extend(crc, frame.subspan(8, static_cast<std::size_t>(*bytes) - 8));
    format::store_le(frame, 4, crc);
    at += static_cast<std::size_t>(*bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const bool clean = data[0] % 2 == 1;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  round_trip(bytes);
  open_as_log(bytes, clean);
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  seal(sealed);
  open_as_log(sealed, clean);
  return 0;
}
