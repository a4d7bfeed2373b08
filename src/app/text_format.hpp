// Numbers as people read them, for tables and progress.
#pragma once

#include <cstdint>
#include <string>

namespace vibrato::app {

// 1234567 -> "1,234,567".
[[nodiscard]] std::string with_thousands(std::uint64_t number);
// 1536 -> "1.5 KiB"; below 1 KiB "512 B".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
// Seconds -> "0:07", "12:34", "1:02:03".
[[nodiscard]] std::string human_duration(std::uint64_t seconds);

}  // namespace vibrato::app
