// Where filters on a collection are slower than their indexes promise, in words: for the information about a collection
// and for searches that explain themselves.
#pragma once

#include <string>
#include <vector>

#include "vector/collection.hpp"

namespace vibrato::vector {

// One note for keys, and one for each key with too many texts, that the meta indexes of parts left out because of
// their caps; empty for most collections. Reads the list of fields of every part.
[[nodiscard]] std::vector<std::string> filter_notes(const Collection& collection);

}  // namespace vibrato::vector
