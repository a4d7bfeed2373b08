#include "filter/row_set.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <utility>
#include <vibrato/check.hpp>

#include "simd/bits.hpp"

namespace vibrato::filter {
namespace {

std::uint64_t bit_of(std::uint32_t row) {
  return std::uint64_t{1} << (row % 64);
}

// Appends the rows of `words`, of which there are `count`, ascending.
void append_bits(std::span<const std::uint64_t> words, std::size_t count, std::vector<std::uint32_t>& rows) {
  const std::size_t begin = rows.size();
  rows.resize(begin + count + simd::kListBitsSlack);
  rows.resize(begin + simd::list_bits(words, 0, rows.data() + begin));
}

// Rows from which on setting bits and reading them back is cheaper than sorting.
bool are_many(std::size_t rows, std::uint32_t row_count) {
  constexpr std::size_t kWordsARow = 16;
  return rows * kWordsARow > row_count / 64;
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
  set.size_ = static_cast<std::uint32_t>(simd::count_bits(words));
  if (set.should_be_list(set.size_)) {
    append_bits(words, set.size_, set.rows_);
    return set;
  }
  set.is_list_ = false;
  set.words_ = std::move(words);
  return set;
}

RowSet RowSet::of(std::vector<std::uint32_t> rows, std::uint32_t row_count) {
  const bool is_ascending = std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) == rows.end();
  if (is_ascending) {
    rows.erase(std::lower_bound(rows.begin(), rows.end(), row_count), rows.end());
    return of_list(std::move(rows), row_count);
  }
  std::erase_if(rows, [row_count](std::uint32_t row) { return row >= row_count; });
  if (are_many(rows.size(), row_count)) {
    std::vector<std::uint64_t> words(RowSet(row_count).word_count());
    for (const std::uint32_t row : rows) {
      words[row / 64] |= bit_of(row);
    }
    return of_bits(std::move(words), row_count);
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return of_list(std::move(rows), row_count);
}

RowSet RowSet::of(const format::RoaringReader& stored, std::uint32_t size_hint, std::uint32_t row_count) {
  if (RowSet(row_count).should_be_list(size_hint)) {
    std::vector<std::uint32_t> rows;
    rows.reserve(size_hint);
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

void RowSet::intersect_with(const RowSet& other) {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (other.size_ == row_count_) {
    return;
  }
  if (is_list_) {
    std::erase_if(rows_, [&other](std::uint32_t row) { return !other.contains(row); });
    size_ = static_cast<std::uint32_t>(rows_.size());
  } else if (other.is_list_) {
    RowSet result = other;
    result.intersect_with(*this);
    *this = std::move(result);
  } else {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      words_[i] &= other.words_[i];
    }
    *this = of_bits(std::move(words_), row_count_);
  }
}

void RowSet::unite_with(const RowSet& other) {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (other.empty()) {
    return;
  }
  if (empty()) {
    *this = other;
  } else if (is_list_ && other.is_list_) {
    std::vector<std::uint32_t> rows;
    rows.reserve(rows_.size() + other.rows_.size());
    std::set_union(rows_.begin(), rows_.end(), other.rows_.begin(), other.rows_.end(), std::back_inserter(rows));
    *this = of_list(std::move(rows), row_count_);
  } else if (is_list_) {
    RowSet result = other;
    result.unite_with(*this);
    *this = std::move(result);
  } else {
    for (const std::uint32_t row : other.rows_) {
      words_[row / 64] |= bit_of(row);
    }
    for (std::size_t i = 0; i < other.words_.size(); ++i) {
      words_[i] |= other.words_[i];
    }
    *this = of_bits(std::move(words_), row_count_);
  }
}

void RowSet::subtract(const RowSet& other) {
  VIBRATO_CHECK(row_count_ == other.row_count_);
  if (other.empty()) {
    return;
  }
  if (is_list_) {
    std::erase_if(rows_, [&other](std::uint32_t row) { return other.contains(row); });
    size_ = static_cast<std::uint32_t>(rows_.size());
    return;
  }
  for (const std::uint32_t row : other.rows_) {
    words_[row / 64] &= ~bit_of(row);
  }
  for (std::size_t i = 0; i < other.words_.size(); ++i) {
    words_[i] &= ~other.words_[i];
  }
  *this = of_bits(std::move(words_), row_count_);
}

void RowSet::invert() {
  std::vector<std::uint64_t> words = std::move(words_);
  if (is_list_) {
    words.resize(word_count());
    copy_bits(words);
  }
  for (std::uint64_t& word : words) {
    word = ~word;
  }
  if (row_count_ % 64 != 0) {
    words.back() &= bit_of(row_count_) - 1;
  }
  *this = of_bits(std::move(words), row_count_);
}

RowSet RowSet::intersected_with(const RowSet& other) const {
  RowSet result = is_list_ || !other.is_list_ ? *this : other;
  result.intersect_with(is_list_ || !other.is_list_ ? other : *this);
  return result;
}

RowSet RowSet::united_with(const RowSet& other) const {
  RowSet result = *this;
  result.unite_with(other);
  return result;
}

RowSet RowSet::without(const RowSet& other) const {
  RowSet result = *this;
  result.subtract(other);
  return result;
}

RowSet RowSet::complement() const {
  RowSet result = *this;
  result.invert();
  return result;
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
    append_bits(words_, size_, rows);
  }
}

std::span<const std::uint32_t> RowSet::rows_from(std::uint32_t first, std::vector<std::uint32_t>& memory) const {
  std::span<const std::uint32_t> rows = rows_;
  if (!is_list_) {
    memory.resize(std::max(memory.size(), std::size_t{size_} + simd::kListBitsSlack));
    const std::size_t first_word = std::min<std::size_t>(first / 64, words_.size());
    const std::size_t count = simd::list_bits(std::span(words_).subspan(first_word),
                                              static_cast<std::uint32_t>(first_word * 64), memory.data());
    rows = std::span(memory).first(count);
  }
  return rows.subspan(static_cast<std::size_t>(std::lower_bound(rows.begin(), rows.end(), first) - rows.begin()));
}

void RowSetBuilder::make_bits() {
  if (words_.empty()) {
    words_.resize((std::size_t{row_count_} + 63) / 64);
  }
}

void RowSetBuilder::add(std::span<const std::uint32_t> rows) {
  if (words_.empty() && !are_many(rows_.size() + rows.size(), row_count_)) {
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    return;
  }
  make_bits();
  for (const std::uint32_t row : rows) {
    if (row < row_count_) {
      words_[row / 64] |= bit_of(row);
    }
  }
}

void RowSetBuilder::add(const format::RoaringReader& stored, std::uint32_t size_hint) {
  if (words_.empty() && !are_many(rows_.size() + size_hint, row_count_)) {
    stored.append_rows(rows_);
    return;
  }
  make_bits();
  stored.set_bits(words_);
}

void RowSetBuilder::add(RowSet set) {
  if (set.is_list_) {
    add(std::span<const std::uint32_t>(set.rows_));
  } else {
    add_bits(std::move(set.words_));
  }
}

void RowSetBuilder::add_bits(std::vector<std::uint64_t> words) {
  if (words_.empty()) {
    words_ = std::move(words);
    return;
  }
  for (std::size_t i = 0; i < words_.size(); ++i) {
    words_[i] |= words[i];
  }
}

// What is not in the difference is what is not in the one or is in the other: bits are only ever set.
void RowSetBuilder::add_difference(const format::RoaringReader& stored, const format::RoaringReader& less) {
  std::vector<std::uint64_t> words((std::size_t{row_count_} + 63) / 64);
  const auto flip = [&words] {
    for (std::uint64_t& word : words) {
      word = ~word;
    }
  };
  stored.set_bits(words);
  flip();
  less.set_bits(words);
  flip();
  add_bits(std::move(words));
}

RowSet RowSetBuilder::take() {
  std::vector<std::uint32_t> rows = std::exchange(rows_, {});
  if (words_.empty()) {
    return RowSet::of(std::move(rows), row_count_);
  }
  for (const std::uint32_t row : rows) {
    if (row < row_count_) {
      words_[row / 64] |= bit_of(row);
    }
  }
  return RowSet::of_bits(std::exchange(words_, {}), row_count_);
}

}  // namespace vibrato::filter
