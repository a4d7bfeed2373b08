// What the catalog notes of a migration: a job of the kind "migrate", which comes with the rows, in one change. As long
// as nobody was told that they are there, a repetition must not add them again: it answers what the note says.
#pragma once

#include <optional>
#include <string>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "catalog/catalog.hpp"
#include "engine/offline.hpp"

namespace vibrato::engine {

struct MigrationNote {
  std::string job_id;
  std::string collection;
  CollectionNumber collection_number;
  std::string input_sha256;
  MigrateReport report;
};

// Notes it as not told yet. Errors: those of the catalog.
[[nodiscard]] Status note_migration(catalog::Catalog& catalog, const Clock& clock, const MigrationNote& note);
// The newest that was not told, of this input into this collection.
[[nodiscard]] Result<std::optional<MigrationNote>> find_untold_migration(const catalog::Catalog& catalog,
                                                                         const std::string& input_sha256,
                                                                         CollectionNumber collection);
[[nodiscard]] Status note_as_told(catalog::Catalog& catalog, const std::string& job_id);

}  // namespace vibrato::engine
