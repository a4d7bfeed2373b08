// External ids of points: a string or a u64, two different kinds (7 is not "7"). Plain values; anyone may use them.
// Order: numbers before strings, numbers by value, strings bytewise. It is the order of scrolling and of ties.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace vibrato {

// Borrows its text.
struct PointIdView {
  bool is_text = false;
  std::uint64_t number = 0;  // 0 for a text.
  std::string_view text = {};

  friend bool operator==(const PointIdView&, const PointIdView&) = default;
  friend auto operator<=>(const PointIdView& a, const PointIdView& b) = default;
};

class PointId {
 public:
  PointId() = default;  // The number 0.
  explicit PointId(std::uint64_t number) : number_(number) {}
  explicit PointId(std::string text) : is_text_(true), text_(std::move(text)) {}
  explicit PointId(const PointIdView& view) : is_text_(view.is_text), number_(view.number), text_(view.text) {}

  [[nodiscard]] PointIdView view() const { return {is_text_, number_, text_}; }

  friend bool operator==(const PointId&, const PointId&) = default;
  friend auto operator<=>(const PointId&, const PointId&) = default;

 private:
  bool is_text_ = false;
  std::uint64_t number_ = 0;
  std::string text_;
};

// For tables in memory only: a stored hash has a function of its own, which never changes (format/id_hash.hpp).
struct PointIdHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(const PointIdView& id) const noexcept {
    return id.is_text ? std::hash<std::string_view>()(id.text)
                      : static_cast<std::size_t>((id.number ^ (id.number >> 32)) * 0x9E3779B97F4A7C15U);
  }
  [[nodiscard]] std::size_t operator()(const PointId& id) const noexcept { return (*this)(id.view()); }
};
struct PointIdEqual {
  using is_transparent = void;
  [[nodiscard]] bool operator()(const PointIdView& a, const PointIdView& b) const noexcept { return a == b; }
  [[nodiscard]] bool operator()(const PointId& a, const PointIdView& b) const noexcept { return a.view() == b; }
  [[nodiscard]] bool operator()(const PointIdView& a, const PointId& b) const noexcept { return a == b.view(); }
  [[nodiscard]] bool operator()(const PointId& a, const PointId& b) const noexcept { return a == b; }
};

}  // namespace vibrato
