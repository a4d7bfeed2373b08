#include "format/codes.hpp"

#include <cmath>
#include <optional>
#include <string_view>
#include <vibrato/check.hpp>

#include "base/byte_cursor.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kVersionAt = 0;
constexpr std::size_t kKindAt = 4;
constexpr std::size_t kMetricAt = 8;
constexpr std::size_t kDimAt = 12;
constexpr std::size_t kCodeBytesAt = 16;
constexpr std::size_t kStrideAt = 20;
constexpr std::size_t kSeedAt = 24;
constexpr std::size_t kNormMaxAt = 32;
constexpr std::size_t kReservedAt = 36;

// A coded row is never longer than this: 8-bit codes of the largest dimension and its factors, rounded up.
constexpr std::uint32_t kStrideMax = 64 * 1024;

struct Fields {
  std::span<const std::byte> bytes;
  std::uint64_t section_offset;

  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return load_le<std::uint32_t>(bytes, at); }
  // Nothing if the field is as it must be.
  [[nodiscard]] std::optional<Status> expect(std::size_t at, std::string_view what, std::uint32_t expected) const {
    if (u32(at) == expected) {
      return std::nullopt;
    }
    return corrupt_at(section_offset + at, what, expected, u32(at));
  }
};

Status check_sizes(const Fields& fields) {
  const std::uint32_t code_bytes = fields.u32(kCodeBytesAt);
  const std::uint32_t stride = fields.u32(kStrideAt);
  if (fields.u32(kKindAt) == 0) {
    if (code_bytes != 0 || stride != 0) {
      return corrupt_at(fields.section_offset + kCodeBytesAt, "code bytes without codes", 0, code_bytes | stride);
    }
    return ok_status();
  }
  if (code_bytes == 0 || stride < code_bytes || stride > kStrideMax) {
    return corrupt_at(fields.section_offset + kStrideAt, "stride of coded rows",
                      fmt::format("{} to {}", code_bytes, kStrideMax), stride);
  }
  return ok_status();
}

Status check_header(const Fields& fields, std::uint32_t dim, Metric metric) {
  if (const auto fault = fields.expect(kVersionAt, "quantizer version", kQuantizerSectionVersion)) return *fault;
  if (fields.u32(kKindAt) > kCodeKindMax) {
    return corrupt_at(fields.section_offset + kKindAt, "kind of codes", "0, 1 or 2", fields.u32(kKindAt));
  }
  if (const auto fault = fields.expect(kMetricAt, "quantizer metric", static_cast<std::uint32_t>(metric)))
    return *fault;
  if (const auto fault = fields.expect(kDimAt, "quantizer dim", dim)) return *fault;
  VIBRATO_RETURN_IF_ERROR(check_sizes(fields));
  for (std::size_t at = kReservedAt; at < kQuantizerHeaderBytes; at += sizeof(std::uint32_t)) {
    if (const auto fault = fields.expect(at, "reserved field of the quantizer", 0)) return *fault;
  }
  return ok_status();
}

}  // namespace

std::vector<std::byte> write_quantizer_section(const QuantizerDescription& description) {
  VIBRATO_CHECK(description.centre.size() == (description.code_kind == 0 ? 0 : description.dim));
  std::vector<std::byte> bytes;
  ByteWriter out(bytes);
  out.write_u32(kQuantizerSectionVersion);
  out.write_u32(description.code_kind);
  out.write_u32(static_cast<std::uint32_t>(description.metric));
  out.write_u32(description.dim);
  out.write_u32(description.code_bytes);
  out.write_u32(description.stride_bytes);
  out.write_u64(description.rotation_seed);
  out.write_f32(description.norm_max);
  out.write_zeros(kQuantizerHeaderBytes - kReservedAt);
  for (const float value : description.centre) {
    out.write_f32(value);
  }
  return bytes;
}

Result<QuantizerDescription> parse_quantizer_section(std::span<const std::byte> section, std::uint32_t dim,
                                                     Metric metric, std::uint64_t section_offset) {
  if (section.size() < kQuantizerHeaderBytes) {
    return corrupt_at(section_offset, "length of the quantizer section", "at least 64", section.size());
  }
  const Fields fields{section, section_offset};
  VIBRATO_RETURN_IF_ERROR(check_header(fields, dim, metric));
  QuantizerDescription description;
  description.code_kind = fields.u32(kKindAt);
  description.metric = metric;
  description.dim = dim;
  description.code_bytes = fields.u32(kCodeBytesAt);
  description.stride_bytes = fields.u32(kStrideAt);
  description.rotation_seed = load_le<std::uint64_t>(section, kSeedAt);
  description.norm_max = load_le<float>(section, kNormMaxAt);
  if (!(description.norm_max >= 0) || !std::isfinite(description.norm_max)) {
    return corrupt_at(section_offset + kNormMaxAt, "largest norm", "a number of at least 0", description.norm_max);
  }
  const std::size_t values = description.code_kind == 0 ? 0 : dim;
  const std::size_t expected = kQuantizerHeaderBytes + values * sizeof(float);
  if (section.size() != expected) {
    return corrupt_at(section_offset, "length of the quantizer section", expected, section.size());
  }
  description.centre.resize(values);
  for (std::size_t i = 0; i < values; ++i) {
    const std::size_t at = kQuantizerHeaderBytes + i * sizeof(float);
    description.centre[i] = load_le<float>(section, at);
    if (!std::isfinite(description.centre[i])) {
      return corrupt_at(section_offset + at, "centre of the codes", "a finite number", description.centre[i]);
    }
  }
  return description;
}

}  // namespace vibrato::format
