#include "vector/filter_notes.hpp"

#include <fmt/format.h>

#include "base/limits.hpp"
#include "filter/left_out.hpp"
#include "vector/hot_part.hpp"
#include "vector/sealed_part.hpp"

namespace vibrato::vector {
namespace {

// Damage is none of these notes' business: the part that has it says so when it is searched.
void add(const format::MetaIndexView* index, filter::LeftOut& left_out) {
  if (index != nullptr) {
    static_cast<void>(filter::add_left_out(*index, {}, left_out));
  }
}

void add(const HotPart& part, filter::LeftOut& left_out) {
  const MetaBlocks& blocks = part.meta_blocks();
  for (std::uint32_t block = 0; block < blocks.block_count(); ++block) {
    add(blocks.block(block), left_out);
  }
}

}  // namespace

std::vector<std::string> filter_notes(const Collection& collection) {
  const ReadView view = collection.read_view();
  filter::LeftOut left_out;
  for (const auto* const of_files : {&view.version->sealed, &view.version->imported}) {
    for (const auto& part : *of_files) {
      add(part->rows().meta_index(), left_out);
    }
  }
  for (const auto& part : view.version->frozen) {
    add(*part, left_out);
  }
  if (view.version->hot != nullptr) {
    add(*view.version->hot, left_out);
  }
  std::vector<std::string> notes;
  if (left_out.rows_with_keys > 0) {
    notes.push_back(
        fmt::format("filters: {} points have keys of meta beyond the {} that a part's index holds; a "
                    "condition on such a key reads the meta of these points one by one",
                    left_out.rows_with_keys, limits::kMetaFieldsMax));
  }
  for (const auto& [key, rows] : left_out.rows_with_text) {
    notes.push_back(
        fmt::format("filters: {} points have texts under \"{}\" beyond the {} that a part's index holds; a "
                    "condition on texts there reads the meta of these points one by one",
                    rows, key, limits::kMetaStringsMax));
  }
  return notes;
}

}  // namespace vibrato::vector
