#include "vector/damage_marks.hpp"

#include <algorithm>

#include "vector/merge_parts.hpp"

namespace vibrato::vector {

bool is_in_use(const VectorModel& model, const CollectionPtr& collection, catalog::SegmentId part) {
  const auto present = model.find(collection->identity().name);
  if (!present.ok() || *present != collection) {
    return false;
  }
  const VersionPtr version = collection->latest_version();
  return std::any_of(version->sealed.begin(), version->sealed.end(),
                     [part](const auto& one) { return one->entry().id == part; });
}

bool mark_damaged(MaintenanceContext& context, const CollectionPtr& collection, catalog::SegmentId part,
                  const std::string& reason) {
  const std::lock_guard lock(context.commit_mutex);
  if (!is_in_use(context.model, collection, part)) {
    collection->damage()->forget(part);
    return false;
  }
  if (const Status marked = context.model.degrade(*collection, part, reason); !marked.ok()) {
    context.logger.error("a damaged segment could not be marked: {}", marked.message());
  }
  return true;
}

bool take_mark_back(MaintenanceContext& context, const CollectionPtr& collection,
                    const std::shared_ptr<const SealedPart>& part) {
  if (!verify_part(*part).ok()) {
    return false;
  }
  const std::lock_guard lock(context.commit_mutex);
  if (!is_in_use(context.model, collection, part->entry().id) || collection->has_passed_over(*part)) {
    return false;
  }
  const Status taken = context.model.reinstate(*collection, part->entry().id);
  if (!taken.ok()) {
    context.logger.warning("{} is whole again, and its mark stays: {}", part->entry().file, taken.message());
  }
  return taken.ok();
}

}  // namespace vibrato::vector
