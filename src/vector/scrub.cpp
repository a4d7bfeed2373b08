#include "vector/scrub.hpp"

#include <algorithm>
#include <utility>

#include "io/safe_path.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kStepBlocks = 16;

bool is_in_use(const VectorModel& model, const CollectionPtr& collection, const SealedPart& part) {
  const auto present = model.find(collection->identity().name);
  if (!present.ok() || *present != collection) {
    return false;
  }
  const VersionPtr version = collection->read_view().version;
  return std::any_of(version->sealed.begin(), version->sealed.end(),
                     [&part](const auto& one) { return one.get() == &part; });
}

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
  const auto read = scan_->step(kStepBlocks);
  if (!read.ok()) {
    note_damage(read.status(), step);
    return step;
  }
  step.bytes = *read;
  if (scan_->is_done()) {
    step.parts = 1;
    leave_part();
  }
  return step;
}

void Scrub::begin() {
  is_running_ = true;
  targets_.clear();
  next_ = 0;
  for (const CollectionPtr& collection : context_.model.all()) {
    const VersionPtr version = collection->read_view().version;
    for (const auto& part : version->sealed) {
      targets_.push_back({collection, part});
    }
  }
}

void Scrub::leave_part() {
  scan_.reset();
  ++next_;
}

Result<bool> Scrub::open_next(ScrubStep& step) {
  for (; next_ < targets_.size(); ++next_) {
    catalog::Segment entry;
    if (const auto part = targets_[next_].part.lock(); part != nullptr) {
      entry = part->entry();
    } else {
      continue;
    }
    if (entry.state == catalog::SegmentState::kDamaged || marked_.contains(entry.id)) {
      continue;  // Known, and told by the collection.
    }
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

// With the commit mutex held no checkpoint or merge takes the segment out of the catalog in between.
void Scrub::note_damage(const Status& found, ScrubStep& step) {
  const auto collection = targets_[next_].collection.lock();
  const auto part = targets_[next_].part.lock();
  leave_part();
  if (collection == nullptr || part == nullptr) {
    return;
  }
  const std::lock_guard lock(context_.commit_mutex);
  if (!is_in_use(context_.model, collection, *part)) {
    return;
  }
  step.damage = found.message();
  const catalog::SegmentId id = part->entry().id;
  if (const Status marked = context_.model.degrade(*collection, id, found.message()); marked.ok()) {
    marked_.insert(id);
  } else {
    context_.logger.error("a damaged segment could not be marked: {}", marked.message());
  }
}

}  // namespace vibrato::vector
