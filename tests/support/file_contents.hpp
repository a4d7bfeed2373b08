// Reading and writing whole small files through a FileSystem, for tests.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The content of the file; a failed expectation and "" if it cannot be read.
inline std::string read_text(const io::File& file) {
  const auto size = file.size();
  EXPECT_OK(size);
  std::string text(size.ok() ? static_cast<std::size_t>(*size) : 0, '\0');
  const auto count = file.read_at(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  EXPECT_OK(count);
  EXPECT_EQ(count.ok() ? *count : 0, text.size());
  return text;
}

// The content of the file at `path`; nothing if there is no such file.
inline std::optional<std::string> read_text(io::FileSystem& file_system, const std::string& path) {
  const auto file = file_system.open(path, io::OpenMode::kReadOnly);
  if (!file.ok()) {
    EXPECT_CODE(file, ErrorCode::kNotFound);
    return std::nullopt;
  }
  return read_text(**file);
}

// Creates or overwrites a file, without any sync.
inline void write_text(io::FileSystem& file_system, const std::string& path, std::string_view text) {
  const auto file = file_system.open(path, io::OpenMode::kCreateTruncate);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(0, bytes_of(text)));
}

// Creates or overwrites a file and makes content and name durable.
inline void write_durable_text(io::FileSystem& file_system, const std::string& folder, const std::string& name,
                               std::string_view text) {
  const auto file = file_system.open(folder + "/" + name, io::OpenMode::kCreateTruncate);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(0, bytes_of(text)));
  ASSERT_OK((*file)->sync());
  ASSERT_OK(file_system.sync_directory(folder));
}

// The names in a folder, joined by spaces.
inline std::string names_in(io::FileSystem& file_system, const std::string& path) {
  const auto entries = file_system.list_directory(path);
  EXPECT_OK(entries);
  std::string names;
  if (entries.ok()) {
    for (const io::FileInfo& entry : *entries) {
      names += (names.empty() ? "" : " ") + entry.name;
    }
  }
  return names;
}

}  // namespace vibrato::test
