// Names of the files of a log: "events-<first LSN in 20 digits>.log", so that sorting by name sorts by LSN, and
// "state". Anything else in the folder is foreign and left alone. Pure; for wal only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace vibrato::wal {

inline constexpr std::string_view kStateFileName = "state";

[[nodiscard]] std::string segment_name(Lsn first_lsn);
// nullopt for a name that segment_name never gives.
[[nodiscard]] std::optional<Lsn> parse_segment_name(std::string_view name);

}  // namespace vibrato::wal
