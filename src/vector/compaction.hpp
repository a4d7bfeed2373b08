// Merges sealed parts: writes what is due, and puts it in place of its inputs. maintenance.hpp tells the order of the
// steps; compaction_tasks.hpp what is due.
#pragma once

#include <memory>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/compaction_tasks.hpp"
#include "vector/maintenance_context.hpp"
#include "vector/merge_parts.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time; lives as long as the Maintenance, as it remembers failures.
class Compaction {
 public:
  // `context` outlives it.
  explicit Compaction(MaintenanceContext& context) : context_(context), tasks_(context) {}

  // What is due over all collections; a report without inputs for nothing. A collection whose merge fails is left alone
  // for a while: a second at first, a minute in the end.
  [[nodiscard]] Result<CompactionReport> run_due(const KeepGoing& keep_going);
  // The next step of this collection to the fewest segments. Errors: kUnavailable while it is damaged, and as above.
  [[nodiscard]] Result<CompactionReport> run_full(const CollectionPtr& collection, const KeepGoing& keep_going);

 private:
  // A task being carried out.
  struct Merge {
    CollectionPtr collection;
    MergedRows rows;
    catalog::Segment entry;
    std::shared_ptr<SealedPart> output;  // Null if no row was left.
    bool dropped = false;                // The collection is gone from the catalog.
  };
  using Merges = std::vector<Merge>;

  [[nodiscard]] Result<CompactionReport> run(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Result<CompactionReport> try_run(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Status verify(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going);
  [[nodiscard]] Status write_file(Merge& merge, bool archive, WrittenFiles& written, const KeepGoing& keep_going);
  [[nodiscard]] Status write_pack(Merges& merges, WrittenFiles& written, const KeepGoing& keep_going);
  [[nodiscard]] Status open_outputs(Merges& merges);
  [[nodiscard]] Status commit(Merges& merges, WrittenFiles& written);
  [[nodiscard]] static Status replace_segments(catalog::Tables& tables, Merge& merge);
  void publish(Merge& merge);
  [[nodiscard]] CompactionReport report_of(const Merges& merges) const;

  MaintenanceContext& context_;
  CompactionTasks tasks_;
};

}  // namespace vibrato::vector
