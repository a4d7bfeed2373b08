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
constexpr std::size_t kProductFlagsAt = 36;
constexpr std::size_t kMeanErrorAt = 40;
constexpr std::size_t kBiasAt = 44;
constexpr std::size_t kErrorScaleAt = 48;
constexpr std::size_t kProductReservedAt = 52;
constexpr std::size_t kReservedAt = 36;  // Of the other kinds.

constexpr std::uint32_t kRotated = 1;

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

Status check_quantizer_header(const Fields& fields, std::uint32_t dim, Metric metric) {
  if (const auto fault = fields.expect(kVersionAt, "quantizer version", kQuantizerSectionVersion)) return *fault;
  if (fields.u32(kKindAt) > kCodeKindMax) {
    return corrupt_at(fields.section_offset + kKindAt, "kind of codes", "0 to 3", fields.u32(kKindAt));
  }
  if (const auto fault = fields.expect(kMetricAt, "quantizer metric", static_cast<std::uint32_t>(metric)))
    return *fault;
  if (const auto fault = fields.expect(kDimAt, "quantizer dim", dim)) return *fault;
  VIBRATO_RETURN_IF_ERROR(check_sizes(fields));
  const std::size_t reserved_at = fields.u32(kKindAt) == kProductCodeKind ? kProductReservedAt : kReservedAt;
  for (std::size_t at = reserved_at; at < kQuantizerHeaderBytes; at += sizeof(std::uint32_t)) {
    if (const auto fault = fields.expect(at, "reserved field of the quantizer", 0)) return *fault;
  }
  return ok_status();
}

Status read_numbers(const Fields& fields, std::size_t first_at, std::string_view what, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t at = first_at + i * sizeof(float);
    out[i] = load_le<float>(fields.bytes, at);
    if (!std::isfinite(out[i])) {
      return corrupt_at(fields.section_offset + at, what, "a finite number", out[i]);
    }
  }
  return ok_status();
}

Status read_product_fields(const Fields& fields, ProductDescription& product) {
  const std::uint32_t flags = fields.u32(kProductFlagsAt);
  if ((flags & ~kRotated) != 0) {
    return corrupt_at(fields.section_offset + kProductFlagsAt, "flags of product codes", "0 or 1", flags);
  }
  product.rotated = (flags & kRotated) != 0;
  VIBRATO_RETURN_IF_ERROR(
      read_numbers(fields, kMeanErrorAt, "mean error of the codes", std::span(&product.mean_error, 1)));
  VIBRATO_RETURN_IF_ERROR(read_numbers(fields, kBiasAt, "bias of the codes", std::span(&product.bias, 1)));
  VIBRATO_RETURN_IF_ERROR(
      read_numbers(fields, kErrorScaleAt, "error scale of the codes", std::span(&product.error_scale, 1)));
  if (product.mean_error < 0 || product.error_scale < 0) {
    return corrupt_at(fields.section_offset + kMeanErrorAt, "errors of the codes", "numbers of at least 0",
                      fmt::format("{}, {}", product.mean_error, product.error_scale));
  }
  return ok_status();
}

}  // namespace

std::vector<std::byte> write_quantizer_section(const QuantizerDescription& description) {
  const bool is_product = description.code_kind == kProductCodeKind;
  VIBRATO_CHECK(description.centre.size() == (description.code_kind == 0 ? 0 : description.dim));
  VIBRATO_CHECK(description.product.centroids.size() ==
                (is_product ? std::size_t{description.dim} * kCentroidsPerSubSpace : 0));
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
  if (is_product) {
    out.write_u32(description.product.rotated ? kRotated : 0);
    out.write_f32(description.product.mean_error);
    out.write_f32(description.product.bias);
    out.write_f32(description.product.error_scale);
  }
  out.write_zeros(kQuantizerHeaderBytes - bytes.size());
  for (const float value : description.centre) {
    out.write_f32(value);
  }
  for (const float value : description.product.centroids) {
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
  VIBRATO_RETURN_IF_ERROR(check_quantizer_header(fields, dim, metric));
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
  const bool is_product = description.code_kind == kProductCodeKind;
  const std::size_t values = description.code_kind == 0 ? 0 : dim;
  const std::size_t centroids = is_product ? std::size_t{dim} * kCentroidsPerSubSpace : 0;
  const std::size_t expected = kQuantizerHeaderBytes + (values + centroids) * sizeof(float);
  if (section.size() != expected) {
    return corrupt_at(section_offset, "length of the quantizer section", expected, section.size());
  }
  if (is_product) {
    VIBRATO_RETURN_IF_ERROR(read_product_fields(fields, description.product));
  }
  description.centre.resize(values);
  VIBRATO_RETURN_IF_ERROR(read_numbers(fields, kQuantizerHeaderBytes, "centre of the codes", description.centre));
  description.product.centroids.resize(centroids);
  VIBRATO_RETURN_IF_ERROR(read_numbers(fields, kQuantizerHeaderBytes + values * sizeof(float), "centroid of the codes",
                                       description.product.centroids));
  return description;
}

}  // namespace vibrato::format
