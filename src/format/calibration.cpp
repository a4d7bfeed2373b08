#include "format/calibration.hpp"

#include <cmath>
#include <vibrato/check.hpp>

#include "base/byte_cursor.hpp"
#include "format/corrupt_at.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kCalibrationHeaderBytes = 32;
constexpr std::size_t kPointBytes = 20;

bool fits_grid(std::size_t count) {
  return count >= 1 && count <= kCalibrationGridMax;
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::uint64_t offset) : reader_(bytes, offset), offset_(offset) {}

  Result<Calibration> parse(std::size_t size) {
    Calibration result;
    std::uint32_t counts[3] = {};
    VIBRATO_RETURN_IF_ERROR(read_header(size, result, counts));
    result.ks.resize(counts[0]);
    result.targets.resize(counts[1]);
    result.shares.resize(counts[2]);
    for (std::uint32_t& k : result.ks) {
      VIBRATO_ASSIGN_OR_RETURN(k, reader_.read_u32());
    }
    for (float& target : result.targets) {
      VIBRATO_ASSIGN_OR_RETURN(target, reader_.read_f32());
    }
    for (float& share : result.shares) {
      VIBRATO_ASSIGN_OR_RETURN(share, reader_.read_f32());
    }
    VIBRATO_RETURN_IF_ERROR(check_grids(result));
    result.points.resize(result.ks.size() * result.targets.size() * result.shares.size());
    for (CalibratedPoint& point : result.points) {
      VIBRATO_RETURN_IF_ERROR(read_point(point));
    }
    return result;
  }

 private:
  Status read_header(std::size_t size, Calibration& result, std::uint32_t (&counts)[3]) {
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t version, reader_.read_u32());
    if (version != kCalibrationVersion) {
      return corrupt_at(offset_, "version of the calibration", kCalibrationVersion, version);
    }
    VIBRATO_ASSIGN_OR_RETURN(result.samples, reader_.read_u32());
    std::uint64_t expected = 1;
    for (std::uint32_t& count : counts) {
      const std::uint64_t at = reader_.file_offset();
      VIBRATO_ASSIGN_OR_RETURN(count, reader_.read_u32());
      if (!fits_grid(count)) {
        return corrupt_at(at, "entries of a grid of the calibration", fmt::format("1 to {}", kCalibrationGridMax),
                          count);
      }
      expected *= count;
    }
    for (std::uint64_t at = reader_.file_offset(); reader_.offset() < kCalibrationHeaderBytes;
         at = reader_.file_offset()) {
      VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t reserved, reader_.read_u32());
      if (reserved != 0) {
        return corrupt_at(at, "reserved field of the calibration", 0, reserved);
      }
    }
    expected = kCalibrationHeaderBytes + sizeof(float) * (std::uint64_t{counts[0]} + counts[1] + counts[2]) +
               kPointBytes * expected;
    return size == expected ? ok_status() : corrupt_at(offset_, "bytes of the calibration", expected, size);
  }

  // Comparisons that a number which is none fails.
  Status check_grids(const Calibration& found) const {
    for (std::size_t i = 0; i < found.ks.size(); ++i) {
      if (found.ks[i] < (i == 0 ? 1 : found.ks[i - 1] + std::uint64_t{1})) {
        return corrupt_at(offset_, "k of the calibration", "ascending numbers", found.ks[i]);
      }
    }
    for (std::size_t i = 0; i < found.targets.size(); ++i) {
      if (!(found.targets[i] > (i == 0 ? 0.0F : found.targets[i - 1]) && found.targets[i] < 1)) {
        return corrupt_at(offset_, "targets of the calibration", "ascending, below 1", found.targets[i]);
      }
    }
    for (std::size_t i = 0; i < found.shares.size(); ++i) {
      if (!(found.shares[i] > 0 && (i == 0 ? found.shares[i] == 1 : found.shares[i] < found.shares[i - 1]))) {
        return corrupt_at(offset_, "shares of the calibration", "descending from 1", found.shares[i]);
      }
    }
    return ok_status();
  }

  Status read_point(CalibratedPoint& point) {
    const std::uint64_t at = reader_.file_offset();
    VIBRATO_ASSIGN_OR_RETURN(point.slack, reader_.read_f32());
    VIBRATO_ASSIGN_OR_RETURN(point.reach, reader_.read_u32());
    VIBRATO_ASSIGN_OR_RETURN(point.recall, reader_.read_f32());
    VIBRATO_ASSIGN_OR_RETURN(point.distances, reader_.read_f32());
    VIBRATO_ASSIGN_OR_RETURN(point.expanded, reader_.read_f32());
    const bool is_sound = point.slack >= 0 && point.reach >= 1 && point.recall >= 0 && point.recall <= 1 &&
                          point.distances >= 0 && std::isfinite(point.distances) && point.expanded >= 0 &&
                          std::isfinite(point.expanded);
    return is_sound ? ok_status()
                    : corrupt_at(at, "a point of the calibration", "numbers in range",
                                 fmt::format("slack {}, reach {}, recall {}, distances {}, expanded {}", point.slack,
                                             point.reach, point.recall, point.distances, point.expanded));
  }

  ByteReader reader_;
  std::uint64_t offset_;
};

}  // namespace

std::vector<std::byte> write_calibration_section(const Calibration& calibration) {
  VIBRATO_CHECK(fits_grid(calibration.ks.size()) && fits_grid(calibration.targets.size()) &&
                fits_grid(calibration.shares.size()));
  VIBRATO_CHECK(calibration.points.size() ==
                calibration.ks.size() * calibration.targets.size() * calibration.shares.size());
  std::vector<std::byte> bytes;
  ByteWriter out(bytes);
  out.write_u32(kCalibrationVersion);
  out.write_u32(calibration.samples);
  out.write_u32(static_cast<std::uint32_t>(calibration.ks.size()));
  out.write_u32(static_cast<std::uint32_t>(calibration.targets.size()));
  out.write_u32(static_cast<std::uint32_t>(calibration.shares.size()));
  out.pad_to(kCalibrationHeaderBytes);
  for (const std::uint32_t k : calibration.ks) {
    out.write_u32(k);
  }
  for (const float target : calibration.targets) {
    out.write_f32(target);
  }
  for (const float share : calibration.shares) {
    out.write_f32(share);
  }
  for (const CalibratedPoint& point : calibration.points) {
    out.write_f32(point.slack);
    out.write_u32(point.reach);
    out.write_f32(point.recall);
    out.write_f32(point.distances);
    out.write_f32(point.expanded);
  }
  return bytes;
}

Result<Calibration> parse_calibration_section(std::span<const std::byte> section, std::uint64_t section_offset) {
  return Parser(section, section_offset).parse(section.size());
}

}  // namespace vibrato::format
