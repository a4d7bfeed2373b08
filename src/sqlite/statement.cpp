#include "sqlite/statement.hpp"

#include <limits>
#include <sqlite3.h>
#include <utility>

#include "sqlite/connection.hpp"

namespace vibrato::sqlite {

Rows::Rows(Statement& statement, Status bound) : statement_(statement), status_(std::move(bound)) {}

Rows::~Rows() {
  // The error of a failed run was returned by next(); sqlite3_reset only repeats it.
  (void)sqlite3_reset(statement_.statement_);
  (void)sqlite3_clear_bindings(statement_.statement_);
  statement_.is_running_ = false;
}

Result<bool> Rows::next() {
  VIBRATO_RETURN_IF_ERROR(status_);
  const int code = sqlite3_step(statement_.statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return statement_.connection_->error_of(code, "cannot use");
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_.statement_, column) == SQLITE_NULL;
}

std::int64_t Rows::i64(int column) {
  return has_type(column, SQLITE_INTEGER, "an integer") ? sqlite3_column_int64(statement_.statement_, column) : 0;
}

std::uint64_t Rows::u64(int column) {
  const std::int64_t value = i64(column);
  if (value < 0) {
    reject(column, "is negative");
    return 0;
  }
  return static_cast<std::uint64_t>(value);
}

std::uint32_t Rows::u32(int column) {
  const std::uint64_t value = u64(column);
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    reject(column, "is too large");
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

bool Rows::boolean(int column) {
  const std::int64_t value = i64(column);
  if (value != 0 && value != 1) {
    reject(column, "is neither 0 nor 1");
  }
  return value == 1;
}

std::string Rows::text(int column) {
  if (!has_type(column, SQLITE_TEXT, "text")) {
    return {};
  }
  // The text first: it may convert, and the size is that of the last form.
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.statement_, column));
  return text == nullptr ? std::string() : std::string(text, size);
}

std::vector<std::byte> Rows::blob(int column) {
  if (!has_type(column, SQLITE_BLOB, "bytes")) {
    return {};
  }
  const auto* const bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_.statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.statement_, column));
  return bytes == nullptr ? std::vector<std::byte>() : std::vector<std::byte>(bytes, bytes + size);
}

std::string_view Rows::blob_view(int column) {
  if (!has_type(column, SQLITE_BLOB, "bytes")) {
    return {};
  }
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_.statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.statement_, column));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

std::optional<std::int64_t> Rows::optional_i64(int column) {
  return is_null(column) ? std::nullopt : std::optional(i64(column));
}

std::optional<std::string> Rows::optional_text(int column) {
  return is_null(column) ? std::nullopt : std::optional(text(column));
}

bool Rows::has_type(int column, int type, std::string_view name) {
  if (sqlite3_column_type(statement_.statement_, column) == type) {
    return true;
  }
  reject(column, "is not " + std::string(name));
  return false;
}

void Rows::reject(int column, std::string_view reason) {
  if (!status_.ok()) {
    return;
  }
  const char* const name = sqlite3_column_name(statement_.statement_, column);
  status_ = corruption(statement_.connection_->path() + ": the column " + (name == nullptr ? "" : name) + " " +
                       std::string(reason));
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {
  VIBRATO_CHECK(!other.is_running_);
}

Statement::~Statement() {
  VIBRATO_CHECK(!is_running_);
  (void)sqlite3_finalize(statement_);
}

Status Statement::start(std::size_t values) {
  VIBRATO_CHECK(statement_ != nullptr && !is_running_);
  VIBRATO_CHECK(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement_)) == values);
  is_running_ = true;
  return ok_status();
}

Status Statement::bind_null(int index) {
  return outcome_of_bind(sqlite3_bind_null(statement_, index));
}

Status Statement::bind_integer(int index, std::int64_t value) {
  return outcome_of_bind(sqlite3_bind_int64(statement_, index, value));
}

Status Statement::bind_unsigned(int index, std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return invalid_argument("the number " + std::to_string(value) + " is too large to be stored");
  }
  return bind_integer(index, static_cast<std::int64_t>(value));
}

Status Statement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL, not the empty text.
  const char* const text = value.data() == nullptr ? "" : value.data();
  return outcome_of_bind(sqlite3_bind_text64(statement_, index, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Status Statement::bind_blob(int index, std::span<const std::byte> value) {
  const void* const bytes = value.empty() ? static_cast<const void*>("") : value.data();
  return outcome_of_bind(sqlite3_bind_blob64(statement_, index, bytes, value.size(), SQLITE_TRANSIENT));
}

Status Statement::outcome_of_bind(int code) {
  return code == SQLITE_OK ? ok_status() : connection_->error_of(code, "cannot pass a value to");
}

}  // namespace vibrato::sqlite
