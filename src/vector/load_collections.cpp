#include "vector/load_collections.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "vector/catalog_rows.hpp"

namespace vibrato::vector {
namespace {

// What the catalog says, read in one go; bitmaps come later, one at a time.
struct CatalogState {
  std::vector<catalog::Collection> collections;
  std::map<CollectionNumber, std::vector<catalog::Segment>> segments;
  std::map<CollectionNumber, Lsn> applied;
  std::map<CollectionNumber, std::uint64_t> next_point_numbers;
  CollectionNumber highest_number;
};

Result<CatalogState> read_state(const catalog::Tables& tables) {
  CatalogState state;
  VIBRATO_ASSIGN_OR_RETURN(state.collections, tables.collections.live());
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Segment> segments, tables.segments.all());
  for (const catalog::Segment& segment : segments) {
    state.segments[segment.collection].push_back(segment);
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::AppliedLsn> applied, tables.applied.all());
  for (const catalog::AppliedLsn& one : applied) {
    if (one.model == kModelName) {
      state.applied[one.collection] = one.lsn;
    }
  }
  for (const catalog::Collection& collection : state.collections) {
    VIBRATO_ASSIGN_OR_RETURN(state.next_point_numbers[collection.number],
                             tables.collections.next_point_number(collection.number));
  }
  VIBRATO_ASSIGN_OR_RETURN(const CollectionNumber next, tables.collections.next_number());
  state.highest_number = CollectionNumber(next.value() - 1);
  return state;
}

Lsn applied_of(const CatalogState& state, CollectionNumber number) {
  const auto found = state.applied.find(number);
  return found == state.applied.end() ? Lsn() : found->second;
}

struct NewlyDamaged {
  std::shared_ptr<Collection> collection;
  catalog::SegmentId segment;
  std::string reason;
};

// Whether an error of opening tells that the file is damaged, and not that it cannot be read for now.
bool is_damage(ErrorCode code) {
  return code == ErrorCode::kCorruption || code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument;
}

struct OpenedPart {
  std::shared_ptr<SealedPart> part;
  std::uint64_t live_count = 0;
};

Result<OpenedPart> open_part(const LoadContext& context, store::PackMaps& packs, const CollectionSettings& settings,
                             const catalog::Segment& entry) {
  VIBRATO_ASSIGN_OR_RETURN(
      const std::shared_ptr<SealedPart> part,
      SealedPart::open(context.fs, context.data_folder, entry, settings, nullptr, &packs, context.vector_access));
  VIBRATO_ASSIGN_OR_RETURN(const auto bitmap, context.catalog.read([&entry](const catalog::Tables& tables) {
    return tables.segments.bitmap(entry.id);
  }));
  if (bitmap) {
    VIBRATO_RETURN_IF_ERROR(part->deletes()->load(bitmap->bitmap).with_context(entry.file + ": deleted rows"));
  }
  const std::uint32_t deleted = part->deletes()->count();
  return OpenedPart{part, part->row_count() - std::min(deleted, part->row_count())};
}

// Opens what can be opened, and adds to `newly_damaged` what cannot and was not known for it.
std::shared_ptr<Collection> load_one(const LoadContext& context, store::PackMaps& packs, CollectionIdentity identity,
                                     std::span<const catalog::Segment> entries, Lsn durable,
                                     std::vector<NewlyDamaged>& newly_damaged) {
  auto collection = std::make_shared<Collection>(std::move(identity), context.visible, context.options);
  std::vector<std::shared_ptr<const SealedPart>> parts;
  std::uint64_t live_count = 0;
  const auto& damage = collection->damage();
  for (const catalog::Segment& entry : entries) {
    const bool was_damaged = entry.state == catalog::SegmentState::kDamaged;
    if (was_damaged) {
      damage->add(entry.id, entry.damage.empty() ? entry.file + ": was found damaged before" : entry.damage);
      damage->set_marked(entry.id);
    }
    auto opened = open_part(context, packs, collection->settings(), entry);
    if (opened.ok()) {
      opened->part->set_damage(damage);
      parts.push_back(std::move(opened->part));
      live_count += opened->live_count;
      continue;
    }
    const Status& failed = opened.status();
    if (!is_damage(failed.code())) {
      damage->add(entry.id, entry.file + ": could not be read at the start: " + failed.message());
    } else if (!was_damaged) {
      damage->add(entry.id, failed.message());
      newly_damaged.push_back({collection, entry.id, failed.message()});
    }
  }
  if (parts.size() < entries.size()) {
    collection->set_incomplete();
  }
  collection->load_sealed(std::move(parts), durable, live_count);
  return collection;
}

}  // namespace

Result<LoadedCollections> load_collections(const LoadContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(CatalogState state, context.catalog.read(read_state));
  LoadedCollections loaded;
  loaded.highest_number = state.highest_number;
  loaded.applied = applied_of(state, CollectionNumber());
  std::vector<NewlyDamaged> newly_damaged;
  store::PackMaps packs;  // Parts of one pack share its map.
  for (const catalog::Collection& row : state.collections) {
    VIBRATO_ASSIGN_OR_RETURN(CollectionIdentity identity, identity_of(row));
    // Nothing at or below the model's own LSN is replayed, so all of it is here.
    const Lsn durable = std::max(applied_of(state, row.number), loaded.applied);
    loaded.collections.push_back(
        load_one(context, packs, std::move(identity), state.segments[row.number], durable, newly_damaged));
    loaded.collections.back()->load_next_point_number(state.next_point_numbers[row.number]);
  }
  if (!newly_damaged.empty()) {
    // Not an error if it fails (a full disk): the collections are read-only either way, and the next start looks again.
    const Status written = context.catalog.write([&newly_damaged](catalog::Tables& tables) -> Status {
      for (const NewlyDamaged& one : newly_damaged) {
        Status marked = tables.segments.set_state(one.segment, catalog::SegmentState::kDamaged, one.reason);
        if (!marked.ok()) return marked;
      }
      return ok_status();
    });
    for (const NewlyDamaged& one : newly_damaged) {
      if (written.ok()) one.collection->damage()->set_marked(one.segment);
    }
  }
  return loaded;
}

}  // namespace vibrato::vector
