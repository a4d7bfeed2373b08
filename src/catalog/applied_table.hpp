// Up to which LSN each model has made its state durable outside the log, for each of its collections. Replay starts
// behind it, and the log is kept from the lowest of them on.
// Invariant: an applied LSN never goes back, except by forgetting it.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct AppliedLsn {
  std::string model;
  CollectionNumber collection;  // 0 for a model without collections.
  Lsn lsn;

  friend bool operator==(const AppliedLsn&, const AppliedLsn&) = default;
};

// Thread-safety: that of the Catalog.
class AppliedTable {
 public:
  [[nodiscard]] static Result<AppliedTable> open(sqlite::Connection& connection);

  // By model and collection.
  [[nodiscard]] Result<std::vector<AppliedLsn>> all() const;
  // 0 if there is none.
  [[nodiscard]] Result<Lsn> get(std::string_view model, CollectionNumber collection) const;
  // kInvalidArgument for an LSN below the present one.
  [[nodiscard]] Status set(std::string_view model, CollectionNumber collection, Lsn lsn);
  // Of a dropped collection.
  [[nodiscard]] Status forget(std::string_view model, CollectionNumber collection);

 private:
  explicit AppliedTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
