// hnswlib with a filter functor (its version 0.8 on), for comparison with filtered searches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vibrato/metric.hpp>
#include <vibrato/status.hpp>

#include "matrix.hpp"

namespace vibrato::bench {

class FilterPeer {
 public:
  virtual ~FilterPeer() = default;
  FilterPeer() = default;
  FilterPeer(const FilterPeer&) = delete;
  FilterPeer& operator=(const FilterPeer&) = delete;

  // Builds the index (M 16, ef_construction 200), or loads it from `path` if that is there; writes it there.
  [[nodiscard]] virtual Status build(const Matrix& base, Metric metric, const std::string& path) = 0;
  virtual void set_ef(std::uint32_t ef) = 0;
  // Fills `out` with the best rows of those with a bit in `allowed`; returns how many were found.
  virtual std::size_t search(std::span<const float> query, std::span<const std::uint64_t> allowed,
                             std::span<std::uint32_t> out) const = 0;
};

// Null where hnswlib's headers were not found or are too old.
[[nodiscard]] std::unique_ptr<FilterPeer> make_filter_peer();

}  // namespace vibrato::bench
