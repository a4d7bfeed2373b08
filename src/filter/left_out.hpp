// What a meta index leaves out because of its caps: filters on it look at the meta of rows one by one, and whoever asks
// why has to be told (vector/filter_notes.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vibrato/result.hpp>

#include "filter/meta_index_builder.hpp"
#include "format/meta_index.hpp"

namespace vibrato::filter {

struct LeftOut {
  std::uint64_t rows_with_keys = 0;                     // Rows that have a key without a field.
  std::map<std::string, std::uint64_t> rows_with_text;  // By key: rows with a text that is in no dictionary.
};

// Adds what this index leaves out. Texts that are too long to be indexed at all do not count: only keys whose
// dictionary is full do. `caps`: those that it was built with. Errors: kCorruption.
[[nodiscard]] Status add_left_out(const format::MetaIndexView& index, const MetaIndexCaps& caps, LeftOut& left_out);

}  // namespace vibrato::filter
