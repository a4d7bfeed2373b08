// Takes damage of sealed parts into the catalog. For Scrub, Compaction and Maintenance.
#pragma once

#include <string>

#include "vector/maintenance_context.hpp"

namespace vibrato::vector {

// Marks the part as damaged in the catalog and its collection as read-only, if searches still use the part: one that
// was merged away or dropped meanwhile is nobody's damage. True if they do. A catalog that cannot be written is logged;
// the collection is read-only all the same. Takes the commit mutex, so that no checkpoint or merge takes the segment
// out of the catalog in between.
bool mark_damaged(MaintenanceContext& context, const CollectionPtr& collection, catalog::SegmentId part,
                  const std::string& reason);

// Whether the collection is there and has the part in its present version.
[[nodiscard]] bool is_in_use(const VectorModel& model, const CollectionPtr& collection, catalog::SegmentId part);

}  // namespace vibrato::vector
