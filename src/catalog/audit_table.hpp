// Who did what, and who was turned away: rows are appended, read and in the end dropped, oldest first; never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct AuditEvent {
  std::uint64_t sequence = 0;  // Given by append(), never reused.
  std::int64_t at_ms = 0;
  std::string request_id;
  std::string key_id;  // Empty for a request without a known key.
  std::string client;  // Its address; empty on the command line.
  std::string action;  // Method and route pattern, or the command.
  std::int32_t status = 0;
  std::string details = "{}";  // JSON; no secrets.

  friend bool operator==(const AuditEvent&, const AuditEvent&) = default;
};

// Thread-safety: that of the Catalog.
class AuditTable {
 public:
  [[nodiscard]] static Result<AuditTable> open(sqlite::Connection& connection);

  // At most `limit` events, newest first; only those older than `before`, the cursor, which is the sequence of the
  // last event of the page before.
  [[nodiscard]] Result<std::vector<AuditEvent>> page(std::optional<std::uint64_t> before, std::uint32_t limit) const;
  // `sequence` is ignored. kInvalidArgument when details are no JSON.
  [[nodiscard]] Status append(std::span<const AuditEvent> events);
  // Drops the oldest, until at most `events_max` are left; how many that were.
  [[nodiscard]] Result<std::uint64_t> trim(std::uint64_t events_max);

 private:
  explicit AuditTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
