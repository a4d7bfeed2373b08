#include "api/json_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "api/json_fields.hpp"
#include "api/request.hpp"
#include "base/limits.hpp"

namespace vibrato::api {
namespace {

// Too large for an f32 and no whole number: whoever reads a field refuses it as what it is.
constexpr std::string_view kStandIn = "1e300";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Takes the digits in front of `text` away; false if there is none.
bool skip_digits(std::string_view& text) {
  const std::size_t size = text.size();
  while (!text.empty() && is_digit(text.front())) {
    text.remove_prefix(1);
  }
  return text.size() < size;
}

enum class NumberKind : std::uint8_t { kNone, kInteger, kFraction };

// The grammar of RFC 8259, section 6.
NumberKind kind_of(std::string_view token) {
  if (token.starts_with('-')) {
    token.remove_prefix(1);
  }
  const bool leading_zero = token.size() > 1 && token[0] == '0' && is_digit(token[1]);
  if (leading_zero || !skip_digits(token)) {
    return NumberKind::kNone;
  }
  if (token.empty()) {
    return NumberKind::kInteger;
  }
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    if (!skip_digits(token)) {
      return NumberKind::kNone;
    }
  }
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    if (token.starts_with('+') || token.starts_with('-')) {
      token.remove_prefix(1);
    }
    if (!skip_digits(token)) {
      return NumberKind::kNone;
    }
  }
  return token.empty() ? NumberKind::kFraction : NumberKind::kNone;
}

bool is_finite(std::string_view token) {
  double value = 0;
  if (std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc()) {
    return true;
  }
  // What is too small a number is called out of range too; it is read as 0.
  return std::isfinite(std::strtod(std::string(token).c_str(), nullptr));
}

template <typename Integer>
bool fits(std::string_view token) {
  Integer value = 0;
  return std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc();
}

bool fits_64_bits(std::string_view token, NumberKind kind) {
  if (kind == NumberKind::kFraction) {
    return is_finite(token);
  }
  return token.starts_with('-') ? fits<std::int64_t>(token) : fits<std::uint64_t>(token);
}

std::size_t string_end(std::string_view body, std::size_t start) {
  std::size_t at = start + 1;
  while (at < body.size() && body[at] != '"') {
    at += body[at] == '\\' ? 2 : 1;
  }
  return std::min(at + 1, body.size());
}

template <typename Belongs>
std::size_t run_end(std::string_view body, std::size_t start, Belongs belongs) {
  std::size_t at = start;
  while (at < body.size() && belongs(body[at])) {
    ++at;
  }
  return at;
}

bool is_part_of_number(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Walks the parsed text in its order, counts numbers, and keeps the path to the current one.
class LargeNumberWalk {
 public:
  explicit LargeNumberWalk(std::span<const LargeNumber> large) : large_(large) {}

  void visit(simdjson::dom::object object) {
    levels_.emplace_back();
    for (const auto [key, value] : object) {
      levels_.back().key = key;
      visit(value);
    }
    levels_.pop_back();
  }
  [[nodiscard]] std::vector<NumberFault> take() && { return std::move(faults_); }

 private:
  struct Level {
    bool is_array = false;
    std::size_t index = 0;
    std::string_view key = {};
  };

  // As deep as the parser let the text be.
  void visit(simdjson::dom::element value) {
    if (is_done()) {
      return;
    }
    simdjson::dom::object object;
    simdjson::dom::array array;
    if (value.get(object) == simdjson::SUCCESS) {
      visit(object);
    } else if (value.get(array) == simdjson::SUCCESS) {
      visit(array);
    } else if (value.is_number()) {
      count();
    }
  }
  void visit(simdjson::dom::array array) {
    levels_.push_back({.is_array = true});
    for (const simdjson::dom::element element : array) {
      visit(element);
      ++levels_.back().index;
    }
    levels_.pop_back();
  }

  // No array that is taken has more elements with a fault.
  [[nodiscard]] bool is_done() const { return large_.empty() || faults_.size() > limits::kBatchItemsMax; }

  void count() {
    if (large_.front().ordinal == count_++) {
      report(large_.front().is_integer);
      large_ = large_.subspan(1);
    }
  }
  void report(bool is_integer) {
    const std::size_t position = levels_.size() > 1 && levels_[1].is_array ? levels_[1].index : 0;
    if (faults_.empty() || faults_.back().position != position) {
      faults_.push_back(
          {position,
           invalid_argument(path() + (is_integer ? " is an integer of more than 64 bits; write it with an exponent"
                                                 : " is too large a number"))});
    }
  }
  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      if (level.is_array) {
        text += fmt::format("[{}]", level.index);
      } else {
        text.append(text.empty() ? "" : ".").append(shown(level.key));
      }
    }
    return text;
  }

  std::span<const LargeNumber> large_;  // Those that are still to come.
  std::uint64_t count_ = 0;
  std::vector<Level> levels_;
  std::vector<NumberFault> faults_;
};

}  // namespace

Result<ReducedText> set_large_numbers_aside(std::string_view body) {
  ReducedText reduced;
  std::size_t copied = 0;
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < body.size();) {
    const char c = body[at];
    if (c == '"') {
      at = string_end(body, at);
    } else if (is_letter(c)) {  // true, false, null; or no JSON.
      at = run_end(body, at, is_letter);
    } else if (!is_digit(c) && c != '-') {
      ++at;
    } else {
      const std::size_t end = run_end(body, at, is_part_of_number);
      const std::string_view token = body.substr(at, end - at);
      const NumberKind kind = kind_of(token);
      if (kind == NumberKind::kNone) {
        return Status(ErrorCode::kInvalidJson, fmt::format("the body is not valid JSON at byte {}: no number", at));
      }
      if (!fits_64_bits(token, kind)) {
        reduced.padded.append(body.substr(copied, at - copied));
        // As a fraction, an integer of more than 64 bits may still be a good f32.
        const bool as_fraction = kind == NumberKind::kInteger && is_finite(token);
        const std::size_t begin = reduced.padded.size();
        reduced.padded.append(as_fraction ? token : kStandIn).append(as_fraction ? ".0" : "");
        reduced.large.push_back({count, kind == NumberKind::kInteger, reduced.padded.size(),
                                 std::ssize(reduced.padded) - static_cast<std::ptrdiff_t>(begin + token.size())});
        copied = end;
      }
      ++count;
      at = end;
    }
  }
  if (reduced.large.empty()) {
    return Status(ErrorCode::kInvalidJson, "the body holds a number that is not valid JSON");
  }
  reduced.padded.append(body.substr(copied));
  reduced.size = reduced.padded.size();
  reduced.padded.append(kBodyPadding, ' ');
  return reduced;
}

std::size_t ReducedText::original_offset(std::size_t offset) const {
  auto original = static_cast<std::ptrdiff_t>(offset);
  for (const LargeNumber& number : large) {
    original -= number.end <= offset ? number.growth : 0;
  }
  return static_cast<std::size_t>(original);
}

std::vector<NumberFault> locate_large_numbers(simdjson::dom::object root, std::span<const LargeNumber> large) {
  LargeNumberWalk walk(large);
  walk.visit(root);
  return std::move(walk).take();
}

}  // namespace vibrato::api
