// Takes damage of sealed parts into the catalog, and out of it. For Scrub, Compaction and Maintenance.
#pragma once

#include <memory>
#include <string>

#include "vector/maintenance_context.hpp"

namespace vibrato::vector {

// Marks the part as damaged in the catalog and its collection as read-only, if searches still use the part: one that
// was merged away or dropped meanwhile is nobody's damage. True if they do. A catalog that cannot be written is logged;
// the collection is read-only all the same. Takes the commit mutex, so that no checkpoint or merge takes the segment
// out of the catalog in between.
bool mark_damaged(MaintenanceContext& context, const CollectionPtr& collection, catalog::SegmentId part,
                  const std::string& reason);

// The disk has all of a marked part as it should be. Takes the mark back if searches use the part, what they have of it
// is whole too, and no record passed it over since the start: a delete would be missing then, which only the replay of
// a restart brings. True if it did.
bool take_mark_back(MaintenanceContext& context, const CollectionPtr& collection,
                    const std::shared_ptr<const SealedPart>& part);

// Whether the collection is there and has the part in its present version.
[[nodiscard]] bool is_in_use(const VectorModel& model, const CollectionPtr& collection, catalog::SegmentId part);

}  // namespace vibrato::vector
