// Why a collection takes no writes: parts that were found damaged, parts that could not be read, and what else went
// wrong. Whoever finds something tells it here: requests, the scrub, merges, the start.
//
// Damage stays until an operator acts: it goes into the catalog (VectorModel::degrade), so that it outlives a restart.
// What a request found is kept here until the background work has taken it there. A part that could not be read is no
// proof of damage: it counts until it can be read again, or until a restart.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "catalog/segments_table.hpp"

namespace vibrato::vector {

// Thread-safety: all methods may be called from many threads at once.
class CollectionDamage {
 public:
  // Not of one part. The first reason stays.
  void set(const std::string& reason);
  // Of a part; its first reason stays. `reason` names file and offset. One that was unreadable is damaged from here on.
  void add(catalog::SegmentId part, const std::string& reason);
  // The catalog has it.
  void set_marked(catalog::SegmentId part);
  [[nodiscard]] bool is_marked(catalog::SegmentId part) const;
  // The part is gone, or is whole again.
  void forget(catalog::SegmentId part);

  // As add(), for whoever cannot write to the catalog: the part is handed out by take_found().
  void report(catalog::SegmentId part, const std::string& reason);
  struct Found {
    catalog::SegmentId part;
    std::string reason;
  };
  // What was reported since the last call; without a lock if that is nothing.
  [[nodiscard]] std::vector<Found> take_found();

  // A part that is damaged stays so.
  void set_unreadable(catalog::SegmentId part, const std::string& reason);
  // False if it was not unreadable.
  bool set_readable(catalog::SegmentId part);
  // Forgets the unreadable parts that are not among these.
  void keep_unreadable(std::span<const catalog::SegmentId> present);

  // The first of reasons(); empty while the collection takes writes, and then without a lock: every search asks.
  [[nodiscard]] std::string reason() const;
  // General, damaged, then unreadable.
  [[nodiscard]] std::vector<std::string> reasons() const;

 private:
  struct Part {
    std::string reason;
    bool is_marked = false;
  };

  // Requires: mutex_ is held. Called at the end of whatever changes the reasons.
  void note_whether_there_are_reasons();

  mutable std::mutex mutex_;  // Guards the members but the flags.
  std::string general_;
  std::map<catalog::SegmentId, Part> damaged_;
  std::map<catalog::SegmentId, std::string> unreadable_;
  std::vector<Found> found_;
  std::atomic<bool> has_found_{false};
  std::atomic<bool> has_reasons_{false};
};

}  // namespace vibrato::vector
