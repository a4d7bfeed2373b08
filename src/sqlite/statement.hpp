// A prepared statement, and one run of it.
//
//   VIBRATO_ASSIGN_OR_RETURN(auto by_level, connection.prepare("SELECT id, file FROM segments WHERE level = ?1"));
//   Rows rows = by_level.run(level);
//   for (;;) {
//     VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
//     if (!found) break;
//     use(rows.u64(0), rows.text(1));
//   }
//   VIBRATO_RETURN_IF_ERROR(rows.status());
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>
#include <vibrato/result.hpp>

struct sqlite3_stmt;

namespace vibrato::sqlite {

class Connection;
class Statement;

// One run of a statement; its destructor makes the statement ready for the next. Columns count from 0 and are those
// of the row that next() found. A value of another type than asked for, or outside its range, is damage: it reads as 0
// or empty, and status() says so from then on.
// Thread-safety: that of the connection.
class Rows {
 public:
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // Goes to the next row; false when there is none. A statement without rows does its work in the first call. One
  // that changes something outside of a Transaction has done it when this returns false, not before.
  [[nodiscard]] Result<bool> next();
  // kCorruption once a value could not be read, naming its column.
  [[nodiscard]] const Status& status() const { return status_; }

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t i64(int column);
  [[nodiscard]] std::uint64_t u64(int column);
  [[nodiscard]] std::uint32_t u32(int column);
  [[nodiscard]] bool boolean(int column);
  [[nodiscard]] std::string text(int column);
  [[nodiscard]] std::vector<std::byte> blob(int column);
  // The bytes of a blob, borrowed until the next next().
  [[nodiscard]] std::string_view blob_view(int column);
  [[nodiscard]] std::optional<std::int64_t> optional_i64(int column);
  [[nodiscard]] std::optional<std::string> optional_text(int column);
  // Notes that the content of a column makes no sense, for readers that know more than its type.
  void reject(int column, std::string_view reason);

 private:
  friend class Statement;
  Rows(Statement& statement, Status bound);
  bool has_type(int column, int type, std::string_view name);

  Statement& statement_;
  Status status_;
};

// Thread-safety: that of the connection, which must outlive it.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Binds `values` to ?1, ?2, ... and starts a run: integers, bools, strong ids, text, bytes, and optionals of
  // them. Unsigned numbers above 2^63 - 1 answer kInvalidArgument in next(). Requires: the last run's Rows is gone.
  template <typename... Values>
  [[nodiscard]] Rows run(const Values&... values) {
    Status bound = start(sizeof...(values));
    int index = 0;
    ((bound = bound.ok() ? bind(++index, values) : std::move(bound)), ...);
    return Rows(*this, std::move(bound));
  }

  // Runs to the end, dropping rows.
  template <typename... Values>
  [[nodiscard]] Status execute(const Values&... values) {
    Rows rows = run(values...);
    for (;;) {
      VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
      if (!found) {
        return ok_status();
      }
    }
  }

 private:
  friend class Connection;
  friend class Rows;
  Statement(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}

  Status start(std::size_t values);
  Status bind_null(int index);
  Status bind_integer(int index, std::int64_t value);
  Status bind_unsigned(int index, std::uint64_t value);
  Status bind_text(int index, std::string_view value);
  Status bind_blob(int index, std::span<const std::byte> value);
  Status outcome_of_bind(int code);

  template <typename T>
  Status bind(int index, const std::optional<T>& value) {
    return value ? bind(index, *value) : bind_null(index);
  }
  Status bind(int index, std::nullopt_t) { return bind_null(index); }
  template <typename T>
  Status bind(int index, const T& value) {
    if constexpr (requires { typename T::number_type; }) {
      return bind_unsigned(index, value.value());
    } else if constexpr (std::is_enum_v<T> || std::signed_integral<T> || std::same_as<T, bool>) {
      return bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::unsigned_integral<T>) {
      return bind_unsigned(index, value);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      return bind_text(index, value);
    } else {
      return bind_blob(index, value);
    }
  }

  Connection* connection_;
  sqlite3_stmt* statement_;
  bool is_running_ = false;
};

}  // namespace vibrato::sqlite
