#include "vector/scrub.hpp"

#include <utility>

#include "io/safe_path.hpp"
#include "vector/damage_marks.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kBlocksAScrubStep = 16;

}  // namespace

Result<ScrubStep> Scrub::step() {
  ScrubStep step;
  if (!is_running_) {
    begin();
  }
  if (scan_ != nullptr && targets_[next_].part.expired()) {
    leave_part();
  }
  if (scan_ == nullptr) {
    VIBRATO_ASSIGN_OR_RETURN(const bool opened, open_next(step));
    if (!opened) {
      return step;
    }
  }
  const auto read = scan_->step(kBlocksAScrubStep);
  if (read.ok()) {
    step.bytes = *read;
    if (scan_->is_done()) {
      note_whole(step);
    }
  } else if (read.status().code() == ErrorCode::kCorruption) {
    note_damage(read.status(), step);
  } else {
    note_unreadable(read.status(), step);
  }
  return step;
}

void Scrub::begin() {
  is_running_ = true;
  targets_.clear();
  next_ = 0;
  for (const CollectionPtr& collection : context_.model.all()) {
    const VersionPtr version = collection->latest_version();
    std::vector<catalog::SegmentId> present;
    for (const auto& part : version->sealed) {
      targets_.push_back({collection, part});
      present.push_back(part->entry().id);
    }
    collection->damage()->keep_unreadable(present);
  }
}

void Scrub::leave_part() {
  scan_.reset();
  ++next_;
}

Result<bool> Scrub::open_next(ScrubStep& step) {
  for (; next_ < targets_.size(); ++next_) {
    const auto collection = targets_[next_].collection.lock();
    const auto part = targets_[next_].part.lock();
    if (collection == nullptr || part == nullptr) {
      continue;
    }
    const catalog::Segment entry = part->entry();
    auto opened = [&]() -> Result<std::unique_ptr<store::BlockScan>> {
      VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(context_.options.data_folder, entry.file));
      return store::BlockScan::open(context_.fs, path, entry.part);
    }();
    if (opened.ok() && !(*opened)->is_done()) {
      scan_ = std::move(*opened);
      return true;
    }
    if (opened.ok()) {
      continue;  // Without a block: header and tables were all there is.
    }
    const ErrorCode code = opened.status().code();
    if (code != ErrorCode::kCorruption && code != ErrorCode::kNotFound) {
      ++next_;
      return opened.status();
    }
    note_damage(opened.status(), step);
    return false;
  }
  is_running_ = false;
  targets_.clear();
  step.has_ended = true;
  return false;
}

void Scrub::note_damage(const Status& found, ScrubStep& step) {
  const auto collection = targets_[next_].collection.lock();
  const auto part = targets_[next_].part.lock();
  leave_part();
  if (collection == nullptr || part == nullptr || collection->damage()->is_marked(part->entry().id)) {
    return;  // Nobody's, or known and told by the collection.
  }
  if (mark_damaged(context_, collection, part->entry().id, found.message())) {
    step.damage = found.message();
  }
}

// With the commit mutex held no checkpoint or merge puts another part in its place in between.
void Scrub::note_unreadable(const Status& found, ScrubStep& step) {
  const auto collection = targets_[next_].collection.lock();
  const auto part = targets_[next_].part.lock();
  leave_part();
  if (collection == nullptr || part == nullptr || collection->damage()->is_marked(part->entry().id)) {
    return;
  }
  const std::lock_guard lock(context_.commit_mutex);
  if (is_in_use(context_.model, collection, part->entry().id)) {
    step.unreadable = found.message();
    collection->damage()->set_unreadable(part->entry().id, found.message() + "; the next scrub tries again");
  }
}

void Scrub::note_whole(ScrubStep& step) {
  const auto collection = targets_[next_].collection.lock();
  const auto part = targets_[next_].part.lock();
  leave_part();
  if (collection == nullptr || part == nullptr) {
    step.parts = 1;
    return;
  }
  const catalog::SegmentId id = part->entry().id;
  const bool was_marked = collection->damage()->is_marked(id);
  const bool is_as_ever = !was_marked && !collection->damage()->set_readable(id);
  if (!is_as_ever && (!was_marked || take_mark_back(context_, collection, part))) {
    step.readable_again = part->entry().file;
  }
  step.parts = was_marked && step.readable_again.empty() ? 0 : 1;
}

}  // namespace vibrato::vector
