// Any bytes as a quantizer section (the first five say the file's dimensions and metric): what is accepted is written
// again as the same bytes, so nothing in it was overlooked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vibrato/check.hpp>

#include "format/codes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t dim = 0;
  if (size < sizeof(dim) + 1) {
    return 0;
  }
  std::memcpy(&dim, data, sizeof(dim));
  const auto metric = static_cast<vibrato::Metric>(data[sizeof(dim)] % 3);
  const auto section = std::as_bytes(std::span(data, size)).subspan(sizeof(dim) + 1);
  const auto description = vibrato::format::parse_quantizer_section(section, dim, metric, 0);
  if (!description.ok()) {
    return 0;
  }
  const auto again = vibrato::format::write_quantizer_section(*description);
  VIBRATO_CHECK(std::ranges::equal(again, section));
  return 0;
}
