// A collection as the catalog keeps it, and back. Pure; for the model and for checkpoints.
#pragma once

#include <vibrato/result.hpp>

#include "catalog/collections_table.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

// The name under which the catalog keeps this model's applied LSNs.
inline constexpr std::string_view kModelName = "vector";

[[nodiscard]] catalog::Collection catalog_row(const CollectionIdentity& identity);
// Errors: kCorruption naming the collection and the field.
[[nodiscard]] Result<CollectionIdentity> identity_of(const catalog::Collection& row);

}  // namespace vibrato::vector
