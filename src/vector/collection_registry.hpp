// Which collections there are, by name and by number, those in flight included. For VectorModel.
//
// Invariants: a number is given once, ever, and numbers rise with the LSNs of their creations; a name belongs to one
// collection at a time; what is listed as created or dropped is not in the catalog yet.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/collection.hpp"
#include "vector/load_collections.hpp"

namespace vibrato::vector {

using CollectionPtr = std::shared_ptr<Collection>;

struct DroppedCollection {
  CollectionPtr collection;
  Lsn lsn;
};

// Thread-safety: the first four methods may be called from any thread; the others are the committer's alone (or of
// the one that loads and replays, before there is a committer).
class CollectionRegistry {
 public:
  // ---- From any thread: applied collections. ----
  // Null if there is none.
  [[nodiscard]] CollectionPtr find(std::string_view name) const;
  // By name, bytewise.
  [[nodiscard]] std::vector<CollectionPtr> all() const;
  struct Unsaved {
    std::vector<CollectionPtr> created;      // By number.
    std::vector<DroppedCollection> dropped;  // By LSN.
  };
  [[nodiscard]] Unsaved unsaved() const;
  // The first `created` and `dropped` of the lists are in the catalog now.
  void set_saved(std::size_t created, std::size_t dropped);

  // ---- For validation: what is in flight counts. ----
  [[nodiscard]] CollectionPtr find_for_write(std::string_view name) const;
  [[nodiscard]] bool exists(const Collection& collection) const;
  [[nodiscard]] std::size_t count_for_write() const;
  [[nodiscard]] CollectionNumber highest_number_for_write() const;

  // ---- In flight ----
  void stage_created(Lsn lsn, CollectionPtr collection);
  // Requires: a collection of that number, staged or applied.
  void stage_dropped(Lsn lsn, CollectionNumber number);
  void unstage_from(Lsn lsn);
  // The one whose creation was staged with that LSN; null if there is none.
  [[nodiscard]] CollectionPtr staged_at(Lsn lsn) const;
  // Records up to `lsn` are applied.
  void forget_staged(Lsn lsn);

  // ---- Applying ----
  void load(const LoadedCollections& loaded);
  // Errors: kInvalidArgument for a name or number that is taken by another collection. Again is the same as once.
  [[nodiscard]] Status apply_created(const CollectionPtr& collection);
  [[nodiscard]] Status apply_dropped(CollectionNumber number, Lsn lsn);
  // Null for one that was dropped: a replay meets records that came before its drop.
  // Errors: kInvalidArgument for a number that was never given.
  [[nodiscard]] Result<CollectionPtr> find_applied(CollectionNumber number) const;

 private:
  struct Staged {
    Lsn lsn;
    CollectionPtr collection;
    bool dropped = false;
  };

  mutable std::shared_mutex mutex_;  // Guards the members below; the committer's thread, which changes them, reads
                                     // them without.
  std::map<std::string, CollectionPtr, std::less<>> by_name_;
  std::vector<CollectionPtr> created_;
  std::vector<DroppedCollection> dropped_;

  // The committer's own.
  std::unordered_map<CollectionNumber, CollectionPtr> by_number_;
  CollectionNumber highest_number_;  // Ever given, by an applied record.
  std::deque<Staged> staged_;        // By LSN; nearly always empty.
};

}  // namespace vibrato::vector
