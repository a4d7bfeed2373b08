// Any bytes as a stored set of rows: an error, or a set of rows below the bound that is the same read as bits and
// as a list, without a read outside the bytes.
//
// Input: u32 bound, then the set.
#include <cstddef>
#include <cstdint>
#include <vector>
#include <vibrato/check.hpp>

#include "format/little_endian.hpp"
#include "format/roaring_reader.hpp"
#include "fuzz/exact_bytes.hpp"

namespace {

constexpr std::uint32_t kBoundMax = 300'000;
constexpr std::uint32_t kAskedRows = 64;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vibrato;
  const auto input = std::as_bytes(std::span(data, size));
  if (input.size() < sizeof(std::uint32_t)) return 0;
  const std::uint32_t bound = format::load_le<std::uint32_t>(input, 0) % kBoundMax;
  const test::ExactBytes bytes(input.subspan(sizeof(std::uint32_t)));
  const auto set = format::RoaringReader::open(bytes.bytes(), bound);
  if (!set.ok()) return 0;
  std::vector<std::uint64_t> words((std::size_t{bound} + 63) / 64);
  set->set_bits(words);
  std::vector<std::uint32_t> rows;
  set->append_rows(rows);
  std::vector<std::uint64_t> again(words.size());
  for (const std::uint32_t row : rows) {
    VIBRATO_CHECK(row < bound);
    again[row / 64] |= std::uint64_t{1} << (row % 64);
  }
  VIBRATO_CHECK(again == words);
  // Of a damaged set `contains` may say otherwise; it stays inside the bytes and below the bound.
  for (std::uint32_t i = 0; i < kAskedRows && !rows.empty(); ++i) {
    const std::uint32_t row = rows[rows.size() * i / kAskedRows];
    for (const std::uint32_t other : {row, row + 1, row + 70'000}) {
      VIBRATO_CHECK(!set->contains(other) || other < bound);
    }
  }
  return 0;
}
