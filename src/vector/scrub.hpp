// The scrub: reads all blocks of all sealed parts again, a little at a time, and finds what rotted on the disk before
// somebody needs it. For Maintenance.
//
// A pass goes through the parts that there are when it begins. Between steps it holds one open file and no part, so a
// part that was merged away meanwhile goes, and the scrub leaves its file at the next step. Damage degrades: the
// segment is marked in the catalog, where it stays until its file is whole again, its collection takes no writes, and
// searches go on. Marked parts are read as well, and lose the mark if they are whole (damage_marks.hpp).
//
// Bytes that the disk does not give are no proof of damage: a cable, a controller or a network may be to blame. Its
// collection takes no writes and is not merged (a merge reads the map, and would end the process) until a later pass
// finds the part whole; nothing is written into the catalog.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "store/block_scan.hpp"
#include "vector/maintenance_context.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time.
class Scrub {
 public:
  explicit Scrub(MaintenanceContext& context) : context_(context) {}

  // The next MiB of the pass; a new pass begins after the last one has ended. Errors: kIoError for a part that cannot
  // be opened for lack of something else (file descriptors, memory); the pass goes on behind it.
  [[nodiscard]] Result<ScrubStep> step();

 private:
  struct Target {
    std::weak_ptr<Collection> collection;
    std::weak_ptr<const SealedPart> part;
  };

  void begin();
  void leave_part();
  // Opens the next part that still is in use; false at the end of the pass.
  [[nodiscard]] Result<bool> open_next(ScrubStep& step);
  // What was found of the present part: damage only if the part is still in use. Both leave it.
  void note_damage(const Status& found, ScrubStep& step);
  void note_unreadable(const Status& found, ScrubStep& step);
  void note_whole(ScrubStep& step);

  MaintenanceContext& context_;
  bool is_running_ = false;
  std::vector<Target> targets_;
  std::size_t next_ = 0;  // The present one.
  std::unique_ptr<store::BlockScan> scan_;
};

}  // namespace vibrato::vector
