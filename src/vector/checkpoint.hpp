// Makes what collections have in memory durable in files and in the catalog: maintenance.hpp tells the order.
//
// It makes progress in small commits: small collections go together, as many as fit into one pack; of a large one the
// oldest frozen parts come first, and each commit moves its durable LSN to the end of what it saves. So whatever ends a
// checkpoint early, the process included, takes the work of one commit along and no more.
#pragma once

#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/maintenance_context.hpp"

namespace vibrato::vector {

struct CheckpointWish {
  CollectionPtr collection;
  // Also the hot part. Otherwise only the frozen ones, so that a full part does not drag a small one after it.
  bool with_hot = true;
};

// One checkpoint. Thread-safety: one thread, and one checkpoint at a time.
class Checkpoint {
 public:
  // Both outlive it; `keep_going` may be empty.
  Checkpoint(MaintenanceContext& context, const KeepGoing& keep_going) : context_(context), keep_going_(keep_going) {}

  // Saves the collections, and all creates and drops; those with the oldest effects first. Collections that are dropped
  // meanwhile do no harm. After an error what was committed before it stays.
  [[nodiscard]] Result<CheckpointReport> run(const std::vector<CheckpointWish>& wishes);

 private:
  // A wish, and how far it is carried out.
  struct Errand {
    CheckpointWish wish;
    Lsn goal;             // All up to here is saved in the end; 0 until the collection was frozen for it.
    bool is_done = true;  // With the next commit. Also if there is nothing to be saved, or nobody who could be.
  };
  using Errands = std::vector<Errand>;
  struct NewPart {
    std::shared_ptr<HotPart> hot;
    catalog::Segment entry;
    std::shared_ptr<SealedPart> sealed;
  };
  // Of an import: its file is there already.
  struct ImportedPart {
    SealedPartPtr applied;
    catalog::Segment entry;
    std::shared_ptr<SealedPart> sealed;
  };
  struct Work {
    CollectionPtr collection;
    Lsn from;  // The oldest effect that was not saved; 0 for none.
    Lsn up_to;
    bool is_whole = true;  // All that was applied when this was frozen is at or below up_to.
    std::vector<NewPart> parts;
    std::vector<ImportedPart> imported;
    std::vector<std::shared_ptr<HotPart>> dead;  // Without a living row: they get no file.
  };
  using Group = std::vector<Work>;

  [[nodiscard]] bool is_small(const HotPart& part) const;
  [[nodiscard]] bool is_small(const Collection& collection) const;
  [[nodiscard]] std::vector<Errands> small_errands(const std::vector<CheckpointWish>& wishes) const;
  [[nodiscard]] Status save(Errands errands);
  [[nodiscard]] Status save_next(Errands& errands);
  [[nodiscard]] Group freeze(Errands& errands, const VectorModel::Unsaved& taken) const;
  [[nodiscard]] Work freeze(Errand& errand) const;
  [[nodiscard]] Status write_files(Group& group, WrittenFiles& written) const;
  [[nodiscard]] Status check_room(const Group& group) const;
  [[nodiscard]] Status index(HotPart& part) const;
  [[nodiscard]] Status write_packs(const std::vector<std::pair<Work*, NewPart*>>& small, WrittenFiles& written) const;
  [[nodiscard]] Status open_files(Group& group) const;
  [[nodiscard]] Status wait_until_visible(const Group& group) const;
  [[nodiscard]] Status commit(Group& group, const VectorModel::Unsaved& taken, WrittenFiles& written);
  [[nodiscard]] Lsn saved_lsn(const Group& group, const VectorModel::Unsaved& taken) const;
  [[nodiscard]] Result<Lsn> saved_deletes(const catalog::Tables& tables, catalog::SegmentId id) const;
  [[nodiscard]] Status save_segments(catalog::Tables& tables, Group& group) const;
  void publish(Group& group);
  void publish_imported(Work& work);
  void count(const Work& work);
  [[nodiscard]] Status check() const { return keep_going_ ? keep_going_() : ok_status(); }

  MaintenanceContext& context_;
  const KeepGoing& keep_going_;
  CheckpointReport report_;
  CollectionPtr counted_;  // The last one in the report.
};

}  // namespace vibrato::vector
