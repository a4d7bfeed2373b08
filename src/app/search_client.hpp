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

// A search as the flags say it. What is empty or false is not sent: the server takes its default.
struct SearchWish {
  std::vector<double> vector = {};  // Empty with `id`.
  std::string id = {};  // Of the point that is searched for, as in a query string: 7 is a number, "7" a string.
  std::uint32_t k = 10;
  std::optional<std::uint32_t> ef = {};
  std::uint64_t offset = 0;
  std::string filter = {};  // JSON text.
  std::string group_by = {};
  bool include_meta = false;
  bool exact = false;
  bool explain = false;
};

// Errors: kInvalidArgument for a filter that is no JSON; what it means is for the server to say.
[[nodiscard]] Result<std::string> search_body(const SearchWish& wish);

// The answer of POST /search as lines:
//   Query time: 0.42ms
//   Results:
//     ID: 17, Score: 0.9876
// Errors: kIoError if it is not such an answer.
[[nodiscard]] Result<std::string> format_search_reply(std::string_view json);
// The answer of a search in a collection as tables: the hits, with their meta if it is there (cut after kMetaWidth
// characters); what `explain` says of each segment; notes; and at the end how many hits came in what time.
// Errors: as above.
inline constexpr std::size_t kMetaWidth = 100;
[[nodiscard]] Result<std::string> format_collection_reply(std::string_view json);

}  // namespace vibrato::app
