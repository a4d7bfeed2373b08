// Strong types for the numbers that must not be mixed up: a row of a segment, a position in the log, a collection.
// Anyone may use them; plain values, as cheap as the integer inside.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

namespace vibrato {

// An integer that converts to and from its number only explicitly. Two ids compare only when they share a Tag.
template <typename Tag, typename Number>
class StrongId {
 public:
  using number_type = Number;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Number value) : value_(value) {}

  [[nodiscard]] constexpr Number value() const { return value_; }
  // Requires: value() is below the largest number.
  [[nodiscard]] constexpr StrongId next() const { return StrongId(static_cast<Number>(value_ + 1)); }
  [[nodiscard]] static constexpr StrongId max() { return StrongId(std::numeric_limits<Number>::max()); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Number value_ = 0;
};

// The position of a point inside one segment.
using RowId = StrongId<struct RowIdTag, std::uint32_t>;
// The position of a record in the event log; starts at 1, 0 means "none".
using Lsn = StrongId<struct LsnTag, std::uint64_t>;
// The number of a collection, never reused.
using CollectionNumber = StrongId<struct CollectionNumberTag, std::uint32_t>;

}  // namespace vibrato

template <typename Tag, typename Number>
struct std::hash<vibrato::StrongId<Tag, Number>> {
  std::size_t operator()(vibrato::StrongId<Tag, Number> id) const noexcept { return std::hash<Number>()(id.value()); }
};
