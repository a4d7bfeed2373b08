// The idempotency keys that are remembered, with the answers that their requests got: what the log's records of them
// came to, up to the applied LSN of the model that owns them (commit/idempotency_keys.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct IdempotencyRow {
  Lsn lsn;  // Of its record.
  std::int64_t at_ms = 0;
  std::string scope;
  std::string key;  // Any bytes.
  std::array<std::byte, 32> fingerprint{};
  std::uint32_t status = 0;
  std::string answer;

  friend bool operator==(const IdempotencyRow&, const IdempotencyRow&) = default;
};

// Thread-safety: that of the Catalog.
class IdempotencyTable {
 public:
  [[nodiscard]] static Result<IdempotencyTable> open(sqlite::Connection& connection);

  // By LSN.
  [[nodiscard]] Result<std::vector<IdempotencyRow>> all() const;
  // One that is there already stays.
  [[nodiscard]] Status insert(const IdempotencyRow& row);
  // All whose LSN lies below `lsn`.
  [[nodiscard]] Status remove_below(Lsn lsn);

 private:
  explicit IdempotencyTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
