// A collection as the catalog keeps it, and back. For the model and for checkpoints.
#pragma once

#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

// The name under which the catalog keeps this model's applied LSNs.
inline constexpr std::string_view kModelName = "vector";

[[nodiscard]] catalog::Collection catalog_row(const CollectionIdentity& identity);
// Errors: kCorruption naming the collection and the field.
[[nodiscard]] Result<CollectionIdentity> identity_of(const catalog::Collection& row);

// In the transaction of a checkpoint: all of the collection up to `lsn` is in files that the catalog names.
[[nodiscard]] Status save_applied(catalog::Tables& tables, const Collection& collection, Lsn lsn);

}  // namespace vibrato::vector
