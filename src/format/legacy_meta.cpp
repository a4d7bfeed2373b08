#include "format/legacy_meta.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "format/corrupt_at.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint64_t kPrefixBytes = 8;
constexpr std::uint64_t kEntryBytes = 24;

// Keeps the fields' order, and prints a float by its own shortest form instead of that of the double nearest to it.
using LegacyJson =
    nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t, std::uint64_t, float>;

Result<std::string_view> pool_string(std::span<const std::byte> section, std::uint64_t section_offset,
                                     std::uint64_t entry_at, std::size_t offset_at, std::size_t length_at) {
  const std::uint64_t pool = load_le<std::uint32_t>(section, 4);
  const auto offset = load_le<std::uint32_t>(section, entry_at + offset_at);
  const auto length = load_le<std::uint16_t>(section, entry_at + length_at);
  const std::uint64_t pool_bytes = section.size() - pool;
  if (length == 0) {
    return std::string_view();
  }
  if (offset > pool_bytes || pool_bytes - offset < length) {
    return corrupt_at(section_offset + entry_at + offset_at, "metadata string",
                      fmt::format("a range within the pool of {} bytes", pool_bytes),
                      fmt::format("{} bytes from {}", length, offset));
  }
  return std::string_view(reinterpret_cast<const char*>(section.data() + pool + offset), length);
}

std::vector<std::string> split_tags(std::string_view joined) {
  std::vector<std::string> tags;
  while (!joined.empty()) {
    const std::size_t comma = joined.find(',');
    std::string_view tag = joined.substr(0, comma);
    joined = comma == std::string_view::npos ? std::string_view() : joined.substr(comma + 1);
    const std::size_t first = tag.find_first_not_of(" \t");
    if (first != std::string_view::npos) {
      tags.emplace_back(tag.substr(first, tag.find_last_not_of(" \t") - first + 1));
    }
  }
  return tags;
}

}  // namespace

Status check_legacy_meta(std::span<const std::byte> file, const ByteRange& section, std::uint64_t rows) {
  VIBRATO_CHECK(section.offset <= file.size() && section.length <= file.size() - section.offset);
  if (section.length < kPrefixBytes) {
    return corrupt_at(section.offset, "metadata section", fmt::format("at least {} bytes", kPrefixBytes),
                      section.length);
  }
  const auto bytes = file.subspan(section.offset, section.length);
  const auto count = load_le<std::uint32_t>(bytes, 0);
  const auto pool = load_le<std::uint32_t>(bytes, 4);
  if (count != rows) {
    return corrupt_at(section.offset, "metadata entry count", rows, count);
  }
  const std::uint64_t entries_end = kPrefixBytes + rows * kEntryBytes;
  if (pool < entries_end || pool > section.length) {
    return corrupt_at(section.offset + 4, "string pool offset", fmt::format("{} to {}", entries_end, section.length),
                      pool);
  }
  return ok_status();
}

Result<std::string> legacy_meta_json(std::span<const std::byte> file, const ByteRange& section, std::uint64_t row) {
  const auto bytes = file.subspan(section.offset, section.length);
  const std::uint64_t at = kPrefixBytes + row * kEntryBytes;
  VIBRATO_CHECK(at + kEntryBytes <= bytes.size());
  VIBRATO_ASSIGN_OR_RETURN(const auto source, pool_string(bytes, section.offset, at, 0, 4));
  VIBRATO_ASSIGN_OR_RETURN(const auto joined_tags, pool_string(bytes, section.offset, at, 16, 20));
  const auto start_ms = load_le<std::uint32_t>(bytes, at + 6);
  const auto duration_ms = load_le<std::uint16_t>(bytes, at + 10);
  const auto bpm = load_le<float>(bytes, at + 12);
  std::vector<std::string> tags = split_tags(joined_tags);
  if (source.empty() && start_ms == 0 && duration_ms == 0 && bpm == 0 && tags.empty()) {
    return std::string();
  }
  LegacyJson meta = LegacyJson::object();
  meta["source_file"] = std::string(source);
  meta["start_time_ms"] = start_ms;
  meta["duration_ms"] = duration_ms;
  meta["bpm"] = bpm;
  meta["tags"] = std::move(tags);
  return meta.dump(-1, ' ', false, LegacyJson::error_handler_t::replace);
}

}  // namespace vibrato::format
