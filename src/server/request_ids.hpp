// Request ids: the client's if it is fit to be echoed, else one made here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.hpp"

namespace vibrato::server {

// 1 to 128 printable ASCII characters without spaces.
[[nodiscard]] inline bool is_valid_request_id(std::string_view id) {
  if (id.empty() || id.size() > limits::kRequestIdBytesMax) {
    return false;
  }
  for (const char c : id) {
    if (c <= ' ' || c > '~') {
      return false;
    }
  }
  return true;
}

// Not thread-safe: each I/O thread has its own, with its own seed.
class RequestIds {
 public:
  explicit RequestIds(std::uint64_t seed) : state_(seed) {}

  // Writes "req_" and 16 hexadecimal digits; no id comes twice within 2^64 calls (splitmix64 is a bijection).
  void make(std::string& id) {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    mixed ^= mixed >> 31U;
    id.assign("req_0000000000000000");
    for (std::size_t i = id.size(); mixed != 0; mixed >>= 4U) {
      id[--i] = "0123456789abcdef"[mixed & 15U];
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace vibrato::server
