// Finds the end of a request head in bytes as they arrive, and refuses early what must never reach a parser: a line
// that ends in a bare LF, a folded header line, a head past its cap. Looks at each byte once.
// Source: RFC 9112, sections 2.2 and 5.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vibrato::server {

class HeadScanner {
 public:
  enum class State : std::uint8_t { kNeedMore, kDone, kMalformed, kTooLarge };

  // `bytes` is the head so far, from its first byte; calls for one head pass a growing text.
  // The head, its empty last line included, may have at most `bytes_max` bytes.
  [[nodiscard]] State scan(std::string_view bytes, std::size_t bytes_max);

  // After kDone: the length of the head with its empty last line.
  [[nodiscard]] std::size_t head_bytes() const { return position_; }

  void reset() { position_ = line_start_ = 0; }

 private:
  std::size_t position_ = 0;    // Bytes looked at.
  std::size_t line_start_ = 0;  // Start of the line that position_ is in.
};

}  // namespace vibrato::server
