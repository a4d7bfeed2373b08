// A filter as bytes, to find again what it was evaluated to.
//
// Equal keys mean equal filters. The other way round it holds for the order in which conditions, values and ids are
// named, for conditions that are named twice, and for groups around a single condition; other filters that let the same
// points through have keys of their own.
#pragma once

#include <string>

#include "filter/condition.hpp"

namespace vibrato::filter {

// Appends to `key`. Only for comparing within one process: the bytes are no format.
void append_filter_key(const Filter& filter, std::string& key);

}  // namespace vibrato::filter
