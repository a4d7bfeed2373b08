#include "server/head_scanner.hpp"

namespace vibrato::server {

HeadScanner::State HeadScanner::scan(std::string_view bytes, std::size_t bytes_max) {
  const std::string_view allowed = bytes.substr(0, bytes_max);
  while (position_ < allowed.size()) {
    if (position_ == line_start_ && line_start_ != 0 && (allowed[position_] == ' ' || allowed[position_] == '\t')) {
      return State::kMalformed;
    }
    const auto line_feed = allowed.find('\n', position_);
    if (line_feed == std::string_view::npos) {
      // A line that has begun is not looked at again, and its first byte is not taken for a fold.
      position_ = allowed.size();
      break;
    }
    if (line_feed == line_start_ || allowed[line_feed - 1] != '\r') {
      return State::kMalformed;
    }
    const bool empty_line = line_feed == line_start_ + 1;
    position_ = line_start_ = line_feed + 1;
    if (empty_line) {
      return State::kDone;
    }
  }
  return bytes.size() >= bytes_max ? State::kTooLarge : State::kNeedMore;
}

}  // namespace vibrato::server
