#include "vector/meta_blocks.hpp"

#include <cstring>
#include <utility>
#include <vibrato/check.hpp>

#include "filter/meta_index_builder.hpp"

namespace vibrato::vector {

bool MetaBlocks::index_next(const std::function<std::string_view(std::uint32_t row)>& meta) {
  const std::uint32_t number = block_count();
  if (!blocks_.make_room(number)) {
    return false;
  }
  filter::MetaIndexBuilder builder;
  bool has_meta = false;
  for (std::uint32_t row = number * kRows; row < (number + 1) * kRows; ++row) {
    const std::string_view json = meta(row);
    has_meta = has_meta || !json.empty();
    VIBRATO_CHECK(builder.add(json).ok());  // Writes take valid JSON only.
  }
  Block& block = blocks_[number];
  if (has_meta) {
    const std::vector<std::byte> bytes = builder.finish();
    block.lines.resize((bytes.size() + sizeof(Line) - 1) / sizeof(Line));
    std::memcpy(block.lines.data(), bytes.data(), bytes.size());
    auto index = format::MetaIndexView::open(std::as_bytes(std::span(block.lines)).first(bytes.size()), kRows);
    VIBRATO_CHECK(index.ok());
    block.index = *std::move(index);
    bytes_.fetch_add(block.lines.size() * sizeof(Line), std::memory_order_relaxed);
  }
  count_.store(number + 1, std::memory_order_release);
  return true;
}

const format::MetaIndexView* MetaBlocks::block(std::uint32_t block) const {
  VIBRATO_CHECK(block < block_count());
  return blocks_[block].lines.empty() ? nullptr : &blocks_[block].index;
}

}  // namespace vibrato::vector
