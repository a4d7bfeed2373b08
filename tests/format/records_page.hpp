// The examples of docs/formats/records.md, to be held against the code.
#pragma once

#include <cstddef>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "format/hex_dump.hpp"
#include "support/source_dir.hpp"

namespace vibrato::test {

inline std::string records_page() {
  std::ifstream in(source_dir() + "/docs/formats/records.md");
  std::stringstream stream;
  stream << in.rdbuf();
  return stream.str();
}

// The bodies of its examples, the blocks ```hexdump, in the order of the page; of those below `heading` if one is
// given.
inline std::vector<std::vector<std::byte>> documented_records(const std::string& heading = {}) {
  std::string text = records_page();
  if (!heading.empty()) {
    const std::size_t section = text.find("\n## " + heading + "\n");
    EXPECT_NE(section, std::string::npos) << heading;
    text =
        section == std::string::npos ? std::string() : text.substr(section, text.find("\n## ", section + 1) - section);
  }
  constexpr std::string_view kFence = "```hexdump\n";
  std::vector<std::vector<std::byte>> bodies;
  for (std::size_t at = text.find(kFence); at != std::string::npos; at = text.find(kFence, at)) {
    at += kFence.size();
    const auto bytes = parse_hex_dump(text.substr(at, text.find("```", at) - at));
    EXPECT_TRUE(bytes.has_value()) << heading;
    bodies.push_back(bytes.value_or(std::vector<std::byte>()));
  }
  return bodies;
}

// The only example below the heading; empty if it is not the only one.
inline std::vector<std::byte> documented_record(const std::string& heading) {
  const auto bodies = documented_records(heading);
  EXPECT_EQ(bodies.size(), 1U) << heading;
  return bodies.size() == 1 ? bodies.front() : std::vector<std::byte>();
}

}  // namespace vibrato::test
