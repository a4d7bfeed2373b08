// The writes of the vector model, for Sequencer::submit. Bodies are encoded by whoever makes the write, on many
// threads; the committer only checks and takes them.
//
// Each constructor checks all that does not depend on the state when its turn comes: dim, finite numbers, the zero
// vector under cosine, caps on ids and meta. validate() answers the rest: kNotFound, kAlreadyExists, the damage of a
// collection. A write names the collection as it was found; if that was dropped meanwhile it is kNotFound.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/write.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::vector {

struct PointInput {
  PointId id;
  std::vector<float> vector;
  std::string meta_json;  // Compact JSON, or empty for none.
};

// Errors: kInvalidArgument (an id that is empty, no UTF-8, over limits::kPointIdBytesMax, or has control characters; a
// vector as check_vector says), kDimMismatch, kPayloadTooLarge (meta). Messages name the field: "id: ...".
[[nodiscard]] Status check_point_id(const PointIdView& id);
[[nodiscard]] Status check_point(const CollectionSettings& settings, const PointInput& point);

using WritePtr = std::unique_ptr<commit::Write>;

// What a creation found: set before its completion is called.
struct CreateOutcome {
  bool created = false;         // False: it was there, with the same settings.
  CollectionIdentity identity;  // Of the one that was made or found.
};
// Errors of validate: kAlreadyExists (other settings), kConflict (limits::kCollectionsMax). Requires: the name is safe
// (io::check_name) and the settings are checked.
[[nodiscard]] WritePtr make_create_collection(VectorModel& model, std::string name, CollectionSettings settings,
                                              std::shared_ptr<CreateOutcome> outcome);
// kNotFound.
[[nodiscard]] WritePtr make_drop_collection(VectorModel& model, std::string name);

// kAlreadyExists for an id that is there.
[[nodiscard]] Result<WritePtr> make_add(VectorModel& model, CollectionPtr collection, PointInput point);
[[nodiscard]] Result<WritePtr> make_upsert(VectorModel& model, CollectionPtr collection, PointInput point);

// Item outcomes of a batch: statuses in the order of the items, filled by the maker and by validate.
struct BatchOutcome {
  std::vector<Status> items;
};
// The good items become one group; the bad ones get their status. Of an id that comes twice the later good one wins,
// and is the only one that is logged. Requires: at most limits::kBatchItemsMax points.
[[nodiscard]] WritePtr make_upsert_batch(VectorModel& model, CollectionPtr collection, std::vector<PointInput> points,
                                         const std::shared_ptr<BatchOutcome>& outcome);

enum class MetaMode : std::uint8_t { kReplace, kMerge };
struct UpdateInput {
  PointId id;
  std::optional<std::vector<float>> vector;
  std::optional<std::string> meta_json;  // JSON text.
  MetaMode meta_mode = MetaMode::kReplace;
};
// What is absent stays. kMerge is a JSON merge patch (RFC 7396). The record holds the outcome: the merged meta.
// Errors of validate: kNotFound, kPayloadTooLarge; of the maker also kInvalidArgument for a patch that is no JSON.
[[nodiscard]] Result<WritePtr> make_update(VectorModel& model, CollectionPtr collection, UpdateInput update);

// kNotFound for an absent id.
[[nodiscard]] Result<WritePtr> make_delete(VectorModel& model, CollectionPtr collection, PointId id);
// Absent ids get kNotFound in their item, an id that comes again too. Requires: at most limits::kBatchItemsMax ids.
[[nodiscard]] WritePtr make_delete_batch(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids,
                                         std::shared_ptr<BatchOutcome> outcome);

// Deletes those of the points that were not written since a reader at `as_of` chose them; the others are passed over.
// `deleted` is set to their number before the completion is called. Requires: at most limits::kBatchItemsMax ids.
[[nodiscard]] WritePtr make_delete_unchanged(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids,
                                             Lsn as_of, std::shared_ptr<std::uint64_t> deleted);

}  // namespace vibrato::vector
