// The dump that `hexdump -C` prints and the format pages show, both ways. Repeated lines of 16 bytes stand as one `*`.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vibrato::test {

inline std::string dump_line(std::size_t offset, std::span<const std::byte> line) {
  std::string hex;
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto value = std::to_integer<unsigned char>(line[i]);
    hex += fmt::format("{}{:02x}", i == 8 ? "  " : " ", value);
    text += value >= 0x20 && value < 0x7f ? static_cast<char>(value) : '.';
  }
  return fmt::format("{:08x} {:<49}  |{}|\n", offset, hex, text);
}

inline std::string hex_dump(std::span<const std::byte> bytes) {
  std::string dump;
  bool in_repeat = false;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const auto line = bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at));
    if (at >= 16 && line.size() == 16 && std::ranges::equal(line, bytes.subspan(at - 16, 16))) {
      dump += in_repeat ? "" : "*\n";
      in_repeat = true;
      continue;
    }
    in_repeat = false;
    dump += dump_line(at, line);
  }
  return dump + fmt::format("{:08x}\n", bytes.size());
}

// nullopt when the text is no such dump.
inline std::optional<std::vector<std::byte>> parse_hex_dump(const std::string& dump) {
  std::vector<std::byte> bytes;
  std::istringstream lines(dump);
  bool repeat = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "*") {
      repeat = true;
      continue;
    }
    std::size_t offset = 0;
    if (line.size() < 8 || std::from_chars(line.data(), line.data() + 8, offset, 16).ptr != line.data() + 8) {
      return std::nullopt;
    }
    while (repeat && bytes.size() >= 16 && bytes.size() < offset) {
      bytes.insert(bytes.end(), 16, std::byte{0});
      std::copy_n(bytes.end() - 32, 16, bytes.end() - 16);
    }
    repeat = false;
    if (offset != bytes.size()) {
      return std::nullopt;
    }
    std::istringstream numbers(line.substr(8, line.find('|') - 8));
    for (std::string number; numbers >> number;) {
      unsigned value = 0;
      if (number.size() != 2 || std::from_chars(number.data(), number.data() + 2, value, 16).ptr != number.data() + 2) {
        return std::nullopt;
      }
      bytes.push_back(static_cast<std::byte>(value));
    }
  }
  return bytes;
}

}  // namespace vibrato::test
