#include "vector/load_collections.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "io/safe_path.hpp"
#include "store/block_scan.hpp"
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

constexpr std::uint32_t kBlocksALoadStep = 16;

// A mark that is new, tells something else, or goes.
struct MarkChange {
  std::shared_ptr<Collection> collection;
  catalog::Segment entry;
  std::string reason;  // Empty: the part is whole again.
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

// All blocks, by read calls first: a disk that does not give some must end in an error and not in a signal.
Status check_whole(const LoadContext& context, const SealedPart& part) {
  const catalog::Segment& entry = part.entry();
  if (const std::uint64_t bytes = part.rows().file().size_bytes(); bytes != entry.bytes) {
    return corruption(
        fmt::format("{}: size: expected {} (the catalog's), found {}", part.rows().file().path(), entry.bytes, bytes));
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(context.data_folder, entry.file));
  VIBRATO_ASSIGN_OR_RETURN(const auto scan, store::BlockScan::open(context.fs, path, entry.part));
  while (!scan->is_done()) {
    VIBRATO_RETURN_IF_ERROR(scan->step(kBlocksALoadStep).status());
  }
  return part.rows().file().verify().status();
}

void note_unusable(const std::shared_ptr<Collection>& collection, const catalog::Segment& entry, const Status& found,
                   std::vector<MarkChange>& changes) {
  const auto& damage = collection->damage();
  const bool was_damaged = entry.state == catalog::SegmentState::kDamaged;
  if (is_damage(found.code())) {
    damage->add(entry.id, found.message());
    if (!was_damaged || entry.damage != found.message()) {
      changes.push_back({collection, entry, found.message()});
    }
  } else if (was_damaged) {
    damage->add(entry.id, entry.damage.empty() ? entry.file + ": was found damaged before" : entry.damage);
  } else {
    damage->add(entry.id, entry.file + ": could not be read at the start: " + found.message());
    return;
  }
  if (was_damaged) {
    damage->set_marked(entry.id);
  }
}

// Opens what can be opened, and adds to `changes` what the catalog does not know yet.
std::shared_ptr<Collection> load_one(const LoadContext& context, store::PackMaps& packs, CollectionIdentity identity,
                                     std::span<const catalog::Segment> entries, Lsn durable,
                                     std::vector<MarkChange>& changes) {
  auto collection = std::make_shared<Collection>(std::move(identity), context.visible, context.options);
  std::vector<std::shared_ptr<const SealedPart>> parts;
  std::uint64_t live_count = 0;
  for (const catalog::Segment& entry : entries) {
    const auto opened = open_part(context, packs, collection->settings(), entry);
    Status usable = opened.status();
    const bool was_damaged = entry.state == catalog::SegmentState::kDamaged;
    if (was_damaged && usable.ok()) {
      usable = check_whole(context, *opened->part);
    }
    if (!usable.ok()) {
      note_unusable(collection, entry, usable, changes);
    } else if (was_damaged) {
      changes.push_back({collection, entry, ""});
    }
    if (opened.ok()) {
      collection->adopt(*opened->part);
      parts.push_back(opened->part);
      live_count += opened->live_count;
    }
  }
  if (parts.size() < entries.size()) {
    collection->set_incomplete();
  }
  collection->load_sealed(std::move(parts), durable, live_count);
  return collection;
}

// Not an error if it fails (a full disk): what is damaged is read-only either way, what is whole again stays so until
// its mark can go, and the scrub and the next start look again. Answers the files whose marks went.
std::vector<std::string> save_marks(catalog::Catalog& catalog, const std::vector<MarkChange>& changes) {
  std::vector<std::string> whole_again;
  if (changes.empty()) {
    return whole_again;
  }
  const Status written = catalog.write([&changes](catalog::Tables& tables) -> Status {
    for (const MarkChange& change : changes) {
      const auto state = change.reason.empty() ? catalog::SegmentState::kLive : catalog::SegmentState::kDamaged;
      Status marked = tables.segments.set_state(change.entry.id, state, change.reason);
      if (!marked.ok()) return marked;
    }
    return ok_status();
  });
  for (const MarkChange& change : changes) {
    CollectionDamage& damage = *change.collection->damage();
    if (!change.reason.empty()) {
      if (written.ok()) damage.set_marked(change.entry.id);
    } else if (written.ok()) {
      whole_again.push_back(change.entry.file);
    } else {
      damage.add(change.entry.id,
                 change.entry.file + ": is whole again, and the catalog still has it as damaged: " + written.message());
      damage.set_marked(change.entry.id);
    }
  }
  return whole_again;
}

}  // namespace

Result<LoadedCollections> load_collections(const LoadContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(CatalogState state, context.catalog.read(read_state));
  LoadedCollections loaded;
  loaded.highest_number = state.highest_number;
  loaded.applied = applied_of(state, CollectionNumber());
  std::vector<MarkChange> changes;
  store::PackMaps packs;  // Parts of one pack share its map.
  for (const catalog::Collection& row : state.collections) {
    VIBRATO_ASSIGN_OR_RETURN(CollectionIdentity identity, identity_of(row));
    // Nothing at or below the model's own LSN is replayed, so all of it is here.
    const Lsn durable = std::max(applied_of(state, row.number), loaded.applied);
    loaded.collections.push_back(
        load_one(context, packs, std::move(identity), state.segments[row.number], durable, changes));
    loaded.collections.back()->load_next_point_number(state.next_point_numbers[row.number]);
  }
  loaded.whole_again = save_marks(context.catalog, changes);
  return loaded;
}

}  // namespace vibrato::vector
