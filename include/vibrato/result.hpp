// Result<T>: a value or the Status that says why there is none.
#pragma once

#include <optional>
#include <utility>
#include <vibrato/check.hpp>
#include <vibrato/status.hpp>

namespace vibrato {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose, so that `return value;` works.
  // Requires: !status.ok().
  Result(Status status) : status_(std::move(status)) { VIBRATO_CHECK(!status_.ok()); }  // NOLINT: implicit

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] const Status& status() const { return status_; }

  // Requires: ok().
  [[nodiscard]] T& value() & {
    VIBRATO_CHECK(ok());
    return *value_;
  }
  [[nodiscard]] const T& value() const& {
    VIBRATO_CHECK(ok());
    return *value_;
  }
  [[nodiscard]] T&& value() && {
    VIBRATO_CHECK(ok());
    return std::move(*value_);
  }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

// Returns from the enclosing function when `expression` (a Status) is an error.
#define VIBRATO_RETURN_IF_ERROR(expression)                                        \
  do {                                                                             \
    if (::vibrato::Status vibrato_status_ = (expression); !vibrato_status_.ok()) { \
      return vibrato_status_;                                                      \
    }                                                                              \
  } while (false)

// VIBRATO_ASSIGN_OR_RETURN(auto file, open(path)): declares `file` from a Result, or returns its error.
#define VIBRATO_ASSIGN_OR_RETURN(declaration, expression) \
  VIBRATO_ASSIGN_OR_RETURN_IMPL(VIBRATO_CONCAT(vibrato_result_, __LINE__), declaration, expression)
#define VIBRATO_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                          \
  if (!result.ok()) {                                                  \
    return result.status();                                            \
  }                                                                    \
  declaration = std::move(result).value()
#define VIBRATO_CONCAT_IMPL(a, b) a##b
#define VIBRATO_CONCAT(a, b) VIBRATO_CONCAT_IMPL(a, b)

}  // namespace vibrato
