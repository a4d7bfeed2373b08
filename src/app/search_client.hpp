// The text side of `vibratod search`: the query as people write it, the request's body, the answer as people read it.
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::app {

inline constexpr std::size_t kQueryTextBytesMax = 4 * 1024 * 1024;

// Numbers separated by commas or spaces, with or without brackets around them: "0.1,0.2" and "[0.1, 0.2]" are equal.
// Or a JSON object, as the body of a search: then its field `vector`.
// Errors: kInvalidArgument naming the number that is none, or that is not finite; 1 to limits::kDimMax of them.
[[nodiscard]] Result<std::vector<double>> parse_query(std::string_view text);

// Without `ef` the server takes its default.
[[nodiscard]] std::string search_body(const std::vector<double>& query, std::uint32_t k,
                                      std::optional<std::uint32_t> ef);

// The answer of POST /search as lines:
//   Query time: 0.42ms
//   Results:
//     ID: 17, Score: 0.9876
// Errors: kIoError if it is not such an answer.
[[nodiscard]] Result<std::string> format_search_reply(std::string_view json);
// The same for the answer of a search in a collection: `hits` in place of `results`, `took_us` in place of the time.
[[nodiscard]] Result<std::string> format_collection_reply(std::string_view json);

}  // namespace vibrato::app
