// Any bytes as an .fvecs, .bvecs or .ivecs file, the first byte choosing which: an accepted shape lies within the file.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/check.hpp>

#include "format/vecs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vibrato::format;
  if (size == 0) return 0;
  const auto kind = static_cast<VecsKind>(data[0] % 3);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto shape = parse_vecs_shape(kind, bytes, bytes.size());
  if (!shape.ok()) return 0;
  VIBRATO_CHECK(shape->row_offset(shape->rows) == bytes.size());
  std::vector<float> floats(shape->dim);
  std::vector<std::int32_t> ints(shape->dim);
  for (std::uint64_t i = 0; i < shape->rows; ++i) {
    const auto row = bytes.subspan(shape->row_offset(i), shape->row_bytes());
    const vibrato::Status status = kind == VecsKind::kIvecs
                                       ? decode_vecs_row(*shape, row, std::span<std::int32_t>(ints))
                                       : decode_vecs_row(*shape, row, std::span<float>(floats));
    if (!status.ok()) return 0;
  }
  return 0;
}
