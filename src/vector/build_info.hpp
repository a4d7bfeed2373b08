// The JSON of the build_info section: how the index of a file was built. Read back to extend a stored graph, whose
// levels depend on its seed; everything in it is checked against the graph before it is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "quant/code_layout.hpp"

namespace vibrato::vector {

struct BuildInfo {
  std::uint32_t m = 0;
  std::uint32_t ef_construction = 0;
  std::uint64_t seed = 0;  // Stored as text: JSON numbers do not hold 64 bits everywhere.
  quant::CodeKind codes = quant::CodeKind::kNone;
  std::optional<double> sq4_recall;  // CodeChoice::sq4_recall.
};

[[nodiscard]] std::string build_info_json(const BuildInfo& info);

// nullopt for text that is not such an object.
[[nodiscard]] std::optional<BuildInfo> parse_build_info(std::string_view json);

}  // namespace vibrato::vector
