// What lies in a folder of a file system, as tests of a database look at it.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

inline std::vector<std::string> entries_in(io::FileSystem& fs, const std::string& folder) {
  std::vector<std::string> names;
  const auto listed = fs.list_directory(folder);
  EXPECT_OK(listed);
  for (const io::FileInfo& entry : *listed) {
    names.push_back(entry.name);
  }
  return names;
}

// Of all files, those of folders below too.
inline std::uint64_t bytes_in(io::FileSystem& fs, const std::string& folder) {
  std::uint64_t bytes = 0;
  const auto listed = fs.list_directory(folder);
  EXPECT_OK(listed);
  for (const io::FileInfo& entry : *listed) {
    bytes += entry.is_directory ? bytes_in(fs, folder + "/" + entry.name) : entry.size_bytes;
  }
  return bytes;
}

}  // namespace vibrato::test
