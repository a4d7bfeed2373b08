#include "wal/segment_name.hpp"

#include <charconv>
#include <cstdint>
#include <fmt/format.h>

namespace vibrato::wal {

std::string segment_name(Lsn first_lsn) {
  return fmt::format("events-{:020}.log", first_lsn.value());
}

std::optional<Lsn> parse_segment_name(std::string_view name) {
  constexpr std::string_view kPrefix = "events-";
  constexpr std::string_view kSuffix = ".log";
  constexpr std::size_t kDigits = 20;
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size() || !name.starts_with(kPrefix) ||
      !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0) {
    return std::nullopt;
  }
  return Lsn(number);
}

}  // namespace vibrato::wal
