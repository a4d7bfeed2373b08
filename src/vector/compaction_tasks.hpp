// Which merges are due over all collections. merge_plan.hpp decides within one; here are the choice between
// collections, archives, packs, and the collections whose last merge failed: they are left alone for a while, a second
// at first, a minute in the end.
//
// What stays small goes into packs, of many collections at once, so that a thousand small collections do not become a
// thousand files. A pack most of whose space belongs to parts that are gone is written anew. An archive that dropped
// its raw vectors is merged with nothing, and written anew when enough of it is dead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/maintenance_context.hpp"
#include "vector/merge_parts.hpp"
#include "vector/merge_plan.hpp"

namespace vibrato::vector {

struct CompactionTask {
  CollectionPtr collection;
  std::vector<SealedPartPtr> inputs;
  bool archive = false;  // Gets, or keeps, product codes.
};

// Thread-safety: one thread at a time.
class CompactionTasks {
 public:
  // `context` outlives it.
  explicit CompactionTasks(const MaintenanceContext& context) : context_(context) {}

  // What is to be done next: small tasks, which become one pack, or a large one; empty for nothing. Errors: those of
  // the file system.
  [[nodiscard]] Result<std::vector<CompactionTask>> due();
  // The next step of this collection to the fewest segments.
  [[nodiscard]] std::optional<CompactionTask> full(const CollectionPtr& collection) const;
  // Whether the result goes into a pack.
  [[nodiscard]] bool is_small(const CompactionTask& task) const;

  void note_failure(const std::vector<CompactionTask>& tasks);
  void note_success(const std::vector<CompactionTask>& tasks);

 private:
  struct Failures {
    std::uint32_t count = 0;
    std::int64_t not_before_ns = 0;
  };

  [[nodiscard]] MergePolicy policy() const;
  [[nodiscard]] bool is_idle(const Collection& collection) const;
  [[nodiscard]] bool may_run(const Collection& collection) const;
  [[nodiscard]] std::optional<CompactionTask> plan(const CollectionPtr& collection) const;
  [[nodiscard]] std::optional<CompactionTask> plan_archive(const CollectionPtr& collection,
                                                           const std::vector<SealedPartPtr>& parts, bool forced) const;
  [[nodiscard]] std::optional<CompactionTask> plan_rewrite(const CollectionPtr& collection,
                                                           const CollectionVersion& version, bool forced) const;
  [[nodiscard]] Result<std::vector<CompactionTask>> plan_sparse_pack() const;
  [[nodiscard]] std::vector<CompactionTask> choose(std::vector<CompactionTask> small,
                                                   std::vector<CompactionTask> large);

  const MaintenanceContext& context_;
  std::map<CollectionNumber, Failures> failures_;
  bool large_is_next_ = false;
};

}  // namespace vibrato::vector
