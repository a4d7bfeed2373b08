#include "filter/row_set.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>
#include <vibrato/check.hpp>

namespace vibrato::filter {
namespace {

std::uint64_t bit_of(std::uint32_t row) {
  return std::uint64_t{1} << (row % 64);
}

void append_bits(std::span<const std::uint64_t> words, std::vector<std::uint32_t>& rows) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::uint64_t word = words[i]; word != 0; word &= word - 1) {
      rows.push_back(static_cast<std::uint32_t>(i * 64) + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
  }
}

}  // namespace

RowSet RowSet::none(std::uint32_t row_count) {
  return RowSet(row_count);
}

RowSet RowSet::all(std::uint32_t row_count) {
  return none(row_count).complement();
}

RowSet RowSet::of_list(std::vector<std::uint32_t> ascending, std::uint32_t row_count) {
  RowSet set(row_count);
  set.size_ = static_cast<std::uint32_t>(ascending.size());
  if (set.should_be_list(ascending.size())) {
    set.rows_ = std::move(ascending);
    return set;
  }
  set.is_list_ = false;
  set.words_.resize(set.word_count());
  for (const std::uint32_t row : ascending) {
    set.words_[row / 64] |= bit_of(row);
  }
  return set;
}

RowSet RowSet::of_bits(std::vector<std::uint64_t> words, std::uint32_t row_count) {
  RowSet set(row_count);
  for (const std::uint64_t word : words) {
    set.size_ += static_cast<std::uint32_t>(std::popcount(word));
  }
  if (set.should_be_list(set.size_)) {
    set.rows_.reserve(set.size_);
    append_bits(words, set.rows_);
    return set;
  }
  set.is_list_ = false;
  set.words_ = std::move(words);
  return set;
}

RowSet RowSet::of(std::vector<std::uint32_t> rows, std::uint32_t row_count) {
  std::erase_if(rows, [row_count](std::uint32_t row) { return row >= row_count; });
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return of_list(std::move(rows), row_count);
}

RowSet RowSet::of(const format::RoaringReader& stored, std::uint32_t size_hint, std::uint32_t row_count) {
  if (RowSet(row_count).should_be_list(size_hint)) {
    std::vector<std::uint32_t> rows;
    stored.append_rows(rows);
    return of(std::move(rows), row_count);
  }
  std::vector<std::uint64_t> words(RowSet(row_count).word_count());
  stored.set_bits(words);
  return of_bits(std::move(words), row_count);
}

bool RowSet::contains(std::uint32_t row) const {
  if (is_list_) {
    return std::binary_search(rows_.begin(), rows_.end(), row);
  }
  return row < row_count_ && (words_[row / 64] & bit_of(row)) != 0;
}

template <typename Keep>
RowSet RowSet::filtered(const Keep& keep) const {
  std::vector<std::uint32_t> rows;
  std::copy_if(rows_.begin(), rows_.end(), std::back_inserter(rows), keep);
  return of_list(std::move(rows), row_count_);
}

RowSet RowSet::intersected_with(const RowSet& other) const {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (!is_list_ && other.is_list_) {
    return other.intersected_with(*this);
  }
  if (is_list_) {
    return filtered([&other](std::uint32_t row) { return other.contains(row); });
  }
  std::vector<std::uint64_t> words(words_);
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] &= other.words_[i];
  }
  return of_bits(std::move(words), row_count_);
}

RowSet RowSet::united_with(const RowSet& other) const {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (is_list_ && other.is_list_) {
    std::vector<std::uint32_t> rows;
    rows.reserve(rows_.size() + other.rows_.size());
    std::set_union(rows_.begin(), rows_.end(), other.rows_.begin(), other.rows_.end(), std::back_inserter(rows));
    return of_list(std::move(rows), row_count_);
  }
  if (is_list_) {
    return other.united_with(*this);
  }
  std::vector<std::uint64_t> words(words_);
  for (const std::uint32_t row : other.rows_) {
    words[row / 64] |= bit_of(row);
  }
  for (std::size_t i = 0; i < other.words_.size(); ++i) {
    words[i] |= other.words_[i];
  }
  return of_bits(std::move(words), row_count_);
}

RowSet RowSet::without(const RowSet& other) const {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (is_list_) {
    return filtered([&other](std::uint32_t row) { return !other.contains(row); });
  }
  std::vector<std::uint64_t> words(words_);
  for (const std::uint32_t row : other.rows_) {
    words[row / 64] &= ~bit_of(row);
  }
  for (std::size_t i = 0; i < other.words_.size(); ++i) {
    words[i] &= ~other.words_[i];
  }
  return of_bits(std::move(words), row_count_);
}

RowSet RowSet::complement() const {
  std::vector<std::uint64_t> words(word_count());
  copy_bits(words);
  for (std::uint64_t& word : words) {
    word = ~word;
  }
  if (row_count_ % 64 != 0) {
    words.back() &= bit_of(row_count_) - 1;
  }
  return of_bits(std::move(words), row_count_);
}

void RowSet::copy_bits(std::span<std::uint64_t> words) const {
  VIBRATO_CHECK(words.size() == word_count());
  if (!is_list_) {
    std::copy(words_.begin(), words_.end(), words.begin());
    return;
  }
  std::fill(words.begin(), words.end(), 0);
  for (const std::uint32_t row : rows_) {
    words[row / 64] |= bit_of(row);
  }
}

void RowSet::append_to(std::vector<std::uint32_t>& rows) const {
  if (is_list_) {
    rows.insert(rows.end(), rows_.begin(), rows_.end());
  } else {
    append_bits(words_, rows);
  }
}

}  // namespace vibrato::filter
