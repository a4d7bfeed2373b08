// Merges sealed parts: chooses what is due, writes it, and puts it in place of its inputs. maintenance.hpp tells the
// order of the steps; merge_plan.hpp which parts are taken together.
//
// What stays small goes into packs, of many collections at once, so that a thousand small collections do not become a
// thousand files. A pack most of whose space belongs to parts that are gone is written anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/maintenance_context.hpp"
#include "vector/merge_parts.hpp"
#include "vector/merge_plan.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time; lives as long as the Maintenance, as it remembers failures.
class Compaction {
 public:
  // `context` outlives it.
  explicit Compaction(MaintenanceContext& context) : context_(context) {}

  // What is due over all collections; a report without inputs for nothing. A collection whose merge fails is left alone
  // for a while: a second at first, a minute in the end.
  [[nodiscard]] Result<CompactionReport> run_due(const KeepGoing& keep_going);
  // The next step of this collection to the fewest segments. Errors: kUnavailable while it is damaged, and as above.
  [[nodiscard]] Result<CompactionReport> run_full(const CollectionPtr& collection, const KeepGoing& keep_going);

 private:
  struct Task {
    CollectionPtr collection;
    std::vector<SealedPartPtr> inputs;
    bool archive = false;
  };
  // A task being carried out.
  struct Merge {
    CollectionPtr collection;
    MergedRows rows;
    catalog::Segment entry;
    std::shared_ptr<SealedPart> output;  // Null if no row was left.
    bool dropped = false;                // The collection is gone from the catalog.
  };
  using Merges = std::vector<Merge>;

  [[nodiscard]] MergePolicy policy() const;
  [[nodiscard]] bool is_small(const Task& task) const;
  [[nodiscard]] bool is_idle(const Collection& collection) const;
  [[nodiscard]] bool may_run(const Collection& collection) const;
  [[nodiscard]] std::optional<Task> plan(const CollectionPtr& collection) const;
  [[nodiscard]] std::optional<Task> plan_archive(const CollectionPtr& collection,
                                                 const std::vector<SealedPartPtr>& parts, bool forced) const;
  [[nodiscard]] std::optional<Task> plan_rewrite(const CollectionPtr& collection, const CollectionVersion& version,
                                                 bool forced) const;
  [[nodiscard]] Result<std::vector<Task>> plan_sparse_pack() const;
  [[nodiscard]] std::vector<Task> choose(std::vector<Task> small, std::vector<Task> large);

  [[nodiscard]] Result<CompactionReport> run(const std::vector<Task>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Result<CompactionReport> try_run(const std::vector<Task>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Status verify(const std::vector<Task>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Status write_file(Merge& merge, bool archive, WrittenFiles& written, const KeepGoing& keep_going);
  [[nodiscard]] Status write_pack(Merges& merges, WrittenFiles& written, const KeepGoing& keep_going);
  [[nodiscard]] Status open_outputs(Merges& merges);
  [[nodiscard]] Status commit(Merges& merges, WrittenFiles& written);
  [[nodiscard]] static Status replace_segments(catalog::Tables& tables, Merge& merge);
  void publish(Merge& merge);
  [[nodiscard]] CompactionReport report_of(const Merges& merges) const;

  void note_failure(const std::vector<Task>& tasks);
  void note_success(const std::vector<Task>& tasks);

  struct Failures {
    std::uint32_t count = 0;
    std::int64_t not_before_ns = 0;
  };

  MaintenanceContext& context_;
  std::map<CollectionNumber, Failures> failures_;
  bool large_is_next_ = false;
};

}  // namespace vibrato::vector
