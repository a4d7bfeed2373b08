// A set of rows of one segment, as filters compute with it: an ascending list while it is sparse, a bit a row
// otherwise. Few rows so cost few instructions, whatever the size of the segment.
//
// Invariant: a set of at most row_count / kSparseShare rows is a list, any other one is bits: equal sets are kept
// alike, however they were computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "format/roaring_reader.hpp"

namespace vibrato::filter {

// A value type. Sets that are combined are of one row_count.
class RowSet {
 public:
  static constexpr std::uint32_t kSparseShare = 64;

  RowSet() = default;  // Of no rows at all.
  [[nodiscard]] static RowSet none(std::uint32_t row_count);
  [[nodiscard]] static RowSet all(std::uint32_t row_count);
  // Any order, doubles allowed; rows at or above row_count are left out.
  [[nodiscard]] static RowSet of(std::vector<std::uint32_t> rows, std::uint32_t row_count);
  // `size_hint`: how many rows it will probably have; any number is right.
  [[nodiscard]] static RowSet of(const format::RoaringReader& stored, std::uint32_t size_hint, std::uint32_t row_count);

  [[nodiscard]] std::uint32_t row_count() const { return row_count_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool contains(std::uint32_t row) const;
  // Of the heap.
  [[nodiscard]] std::size_t bytes_in_memory() const {
    return rows_.capacity() * sizeof(std::uint32_t) + words_.capacity() * sizeof(std::uint64_t);
  }

  // In the memory of this set.
  void intersect_with(const RowSet& other);
  void unite_with(const RowSet& other);
  void subtract(const RowSet& other);
  void invert();
  // As copies.
  [[nodiscard]] RowSet intersected_with(const RowSet& other) const;
  [[nodiscard]] RowSet united_with(const RowSet& other) const;
  [[nodiscard]] RowSet without(const RowSet& other) const;
  [[nodiscard]] RowSet complement() const;

  [[nodiscard]] bool is_list() const { return is_list_; }
  // Requires: is_list().
  [[nodiscard]] std::span<const std::uint32_t> list() const { return rows_; }
  // ceil(row_count / 64) words; no bit at or above row_count. Requires: !is_list().
  [[nodiscard]] std::span<const std::uint64_t> bits() const { return words_; }
  // The same as bits() whatever it is kept as. words: ceil(row_count / 64) of them, overwritten.
  void copy_bits(std::span<std::uint64_t> words) const;
  // Appends all rows, ascending.
  void append_to(std::vector<std::uint32_t>& rows) const;
  // Those from `first` on, ascending: of this set, or written to `memory`, which only grows.
  [[nodiscard]] std::span<const std::uint32_t> rows_from(std::uint32_t first, std::vector<std::uint32_t>& memory) const;

  friend bool operator==(const RowSet& a, const RowSet& b) {
    return a.row_count_ == b.row_count_ && a.rows_ == b.rows_ && a.words_ == b.words_;
  }

 private:
  explicit RowSet(std::uint32_t row_count) : row_count_(row_count) {}
  [[nodiscard]] std::size_t word_count() const { return (std::size_t{row_count_} + 63) / 64; }
  [[nodiscard]] bool should_be_list(std::uint64_t size) const { return size <= row_count_ / kSparseShare; }
  friend class RowSetBuilder;
  [[nodiscard]] static RowSet of_list(std::vector<std::uint32_t> ascending, std::uint32_t row_count);
  // Counts the bits and restores the invariant.
  [[nodiscard]] static RowSet of_bits(std::vector<std::uint64_t> words, std::uint32_t row_count);

  std::uint32_t row_count_ = 0;
  std::uint32_t size_ = 0;
  bool is_list_ = true;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint64_t> words_;
};

using RowSetPtr = std::shared_ptr<const RowSet>;

// Unites rows and sets. Bits where there are many, so that nothing has to be sorted.
class RowSetBuilder {
 public:
  explicit RowSetBuilder(std::uint32_t row_count) : row_count_(row_count) {}

  // Any order, doubles allowed; rows at or above row_count are left out.
  void add(std::span<const std::uint32_t> rows);
  // `size_hint`: as RowSet::of.
  void add(const format::RoaringReader& stored, std::uint32_t size_hint);
  void add(RowSet set);
  // The rows of `stored` that are not in `less`; for sets of many rows.
  void add_difference(const format::RoaringReader& stored, const format::RoaringReader& less);
  // Leaves the builder empty.
  [[nodiscard]] RowSet take();

 private:
  void make_bits();
  void add_bits(std::vector<std::uint64_t> words);

  std::uint32_t row_count_;
  std::vector<std::uint32_t> rows_;   // Any order.
  std::vector<std::uint64_t> words_;  // Empty until there are many.
};

}  // namespace vibrato::filter
