#include "made_descriptors.hpp"

#include <algorithm>
#include <charconv>

namespace vibrato::bench {
namespace {

constexpr std::size_t kCentres = 4096;
constexpr int kSpread = 48;  // Largest distance of a value from its centre's.

// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t next(std::uint64_t& state) {
  std::uint64_t x = (state += 0x9E3779B97F4A7C15U);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

MadeDescriptors::MadeDescriptors(std::size_t dim, std::uint64_t seed)
    : dim_(dim), seed_(seed), centres_(kCentres * dim) {
  std::uint64_t state = seed;
  for (std::uint8_t& value : centres_) {
    // Most are small, as in real descriptors.
    value = static_cast<std::uint8_t>((next(state) & 0xFF) * (next(state) & 0xFF) / 255);
  }
}

void MadeDescriptors::row(std::uint64_t number, std::vector<std::uint8_t>& out) const {
  std::uint64_t state = seed_ ^ (number * 0xD1342543DE82EF95U);
  const std::uint8_t* centre = centres_.data() + (next(state) % kCentres) * dim_;
  out.resize(dim_);
  for (std::size_t i = 0; i < dim_; ++i) {
    const int offset = static_cast<int>(next(state) % (2 * kSpread + 1)) - kSpread;
    out[i] = static_cast<std::uint8_t>(std::clamp(centre[i] + offset, 0, 255));
  }
}

void MadeDescriptors::append_json(std::uint64_t number, std::string& text) const {
  thread_local std::vector<std::uint8_t> values;
  row(number, values);
  char digits[4];
  char before = '[';
  for (const std::uint8_t value : values) {
    text.push_back(before);
    text.append(digits, std::to_chars(digits, digits + sizeof digits, unsigned{value}).ptr);
    before = ',';
  }
  text.push_back(']');
}

std::string MadeDescriptors::batch_body(std::uint64_t first, std::uint64_t end) const {
  std::string body = R"({"items":[)";
  for (std::uint64_t number = first; number < end; ++number) {
    body.append(number == first ? R"({"id":)" : R"(,{"id":)").append(std::to_string(number)).append(R"(,"vector":)");
    append_json(number, body);
    body.push_back('}');
  }
  return body.append("]}");
}

}  // namespace vibrato::bench
