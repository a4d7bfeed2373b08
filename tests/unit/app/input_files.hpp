// Input files for the tests of ingest, written to a folder of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "io/real_file_system.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::app {

class InputFiles {
 public:
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  // Rows of floats with their length in front; `lengths` may lie.
  std::string write_fvecs(const std::string& name, const std::vector<std::vector<float>>& rows) {
    std::string content;
    for (const std::vector<float>& row : rows) {
      const auto length = static_cast<std::int32_t>(row.size());
      content.append(reinterpret_cast<const char*>(&length), sizeof(length));
      content.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
    }
    return write(name, content);
  }

  std::string write_npy(const std::string& name, std::size_t rows, std::size_t dim, const std::vector<float>& values) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                         std::to_string(dim) + "), }\n";
    std::string content("\x93NUMPY\x01\x00", 8);
    content += static_cast<char>(header.size());
    content += '\0';
    content += header;
    content.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    return write(name, content);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }

  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  io::RealFileSystem fs;

 private:
  test::TempDirectory directory_;
};

}  // namespace vibrato::app
