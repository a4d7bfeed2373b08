// Any bytes as an .npy file: a header that is accepted names rows that lie within the file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/check.hpp>

#include "format/npy_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vibrato::format;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = parse_npy_header(bytes.first(std::min(size, kNpyHeaderBytesMax)), size);
  if (!header.ok()) return 0;
  VIBRATO_CHECK(header->data_offset + header->rows * header->row_bytes() <= size);
  std::vector<float> row(header->dim);
  for (std::uint64_t i = 0; i < header->rows; ++i) {
    decode_npy_row(*header, bytes.subspan(header->data_offset + i * header->row_bytes(), header->row_bytes()), row);
  }
  return 0;
}
