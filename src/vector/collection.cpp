#include "vector/collection.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "vector/choose_codes.hpp"
#include "vector/find_alive.hpp"
#include "vector/point_numbers.hpp"

namespace vibrato::vector {
namespace {

// A pass through all ids of a part settles that many.
constexpr std::size_t kPassedOverMax = 1 << 16;

using SegmentPtr = std::shared_ptr<const Segment>;

Result<Point> point_at(const Place& place) {
  Point point;
  point.segment = place.segment;
  point.row = place.row;
  VIBRATO_ASSIGN_OR_RETURN(point.id, place.segment->id(place.row));
  VIBRATO_ASSIGN_OR_RETURN(point.meta_json, place.segment->meta_json(place.row));
  const auto vector = place.segment->vector(place.row);
  if (vector.ok()) {
    point.vector = *vector;
  } else if (vector.status().code() != ErrorCode::kGone) {  // Gone: an archive without raw vectors.
    return vector.status();
  }
  return point;
}

Result<std::optional<Point>> find_point(const CollectionVersion& version, const PointIdView& id, Lsn visible) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Place> place, find_alive(version, id, visible));
  if (!place) {
    return std::optional<Point>();
  }
  VIBRATO_ASSIGN_OR_RETURN(Point point, point_at(*place));
  return std::optional<Point>(std::move(point));
}

// Of rows that wait for the index: those that it never takes do not count.
std::uint64_t waiting_bytes(const HotPart& part) {
  return part.needs_graph() ? part.unindexed_bytes() : 0;
}

bool by_first_lsn(const std::shared_ptr<const SealedPart>& a, const std::shared_ptr<const SealedPart>& b) {
  return a->first_lsn() < b->first_lsn();
}

}  // namespace

void CollectionVersion::for_each_newest_first(
    const std::function<bool(const std::shared_ptr<const Segment>&)>& visit) const {
  if (hot != nullptr && !visit(hot)) {
    return;
  }
  for (auto part = frozen.rbegin(); part != frozen.rend(); ++part) {
    if (!visit(*part)) {
      return;
    }
  }
  for (const auto* const parts : {&imported, &sealed}) {
    for (auto part = parts->rbegin(); part != parts->rend(); ++part) {
      if (!visit(*part)) {
        return;
      }
    }
  }
}

Collection::Collection(CollectionIdentity identity, const commit::VisibleLsn& visible, const Options& options)
    : identity_(std::move(identity)),
      visible_(visible),
      options_(options),
      version_(std::make_shared<const CollectionVersion>()),
      applied_lsn_(identity_.created_lsn.value()),
      updated_at_ms_(identity_.created_at_ms),
      damage_(std::make_shared<CollectionDamage>()) {}

VersionPtr Collection::current() const {
  const std::lock_guard lock(version_mutex_);
  return version_;
}

VersionPtr Collection::latest_version() const {
  return current();
}

void Collection::publish(const std::shared_ptr<CollectionVersion>& version) {
  if (version->import_lsn <= visible_.get()) {
    version->before_import = nullptr;
    version->import_lsn = Lsn();
  }
  VersionPtr last = version;  // Destroyed without the lock.
  const std::lock_guard lock(version_mutex_);
  version_.swap(last);
  generation_.fetch_add(1, std::memory_order_release);
}

ReadView Collection::read_view() const {
  while (true) {
    const std::uint64_t generation = generation_.load(std::memory_order_acquire);
    ReadView view{current(), visible_.get()};
    if (generation_.load(std::memory_order_acquire) != generation) {
      continue;
    }
    while (view.version->import_lsn > view.visible) {
      view.version = view.version->before_import;
    }
    // After the LSN was read: what was applied up to it has been noted.
    if (has_passed_over_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(apply_mutex_);
      settle_passed_over();
    }
    return view;
  }
}

Status Collection::check_complete() const {
  return is_incomplete_.load(std::memory_order_relaxed) ? check_writable() : ok_status();
}

Result<std::optional<Point>> Collection::get(const PointIdView& id) const {
  const ReadView view = read_view();
  VIBRATO_ASSIGN_OR_RETURN(std::optional<Point> found, find_point(*view.version, id, view.visible));
  if (!found && is_incomplete_.load(std::memory_order_relaxed)) {
    return check_writable().with_context("the id may be in a part that is damaged");
  }
  return found;
}

Result<std::optional<Point>> Collection::find_applied(const PointIdView& id) const {
  return find_point(*current(), id, Lsn::max());
}

CollectionInfo Collection::info() const {
  const ReadView view = read_view();
  CollectionInfo info;
  info.identity = identity_;
  info.live_count = live_count_.load(std::memory_order_relaxed);
  info.applied_lsn = Lsn(applied_lsn_.load(std::memory_order_relaxed));
  info.updated_at_ms = updated_at_ms_.load(std::memory_order_relaxed);
  view.version->for_each_newest_first([&](const std::shared_ptr<const Segment>& segment) {
    const std::uint32_t rows = segment->row_count();
    info.segments += rows == 0 ? 0 : 1;
    info.deleted_count += segment->deletes()->count();
    info.bytes_on_disk += segment->bytes_on_disk();
    info.bytes_in_memory += segment->bytes_in_memory();
    // Few rows are scanned for good, which no index would be faster than.
    const bool needs_no_index = settings().index == IndexKind::kFlat || rows < kCodedRowsMin;
    info.indexed_count += needs_no_index ? rows : segment->indexed_count();
    return true;
  });
  for (const auto& part : view.version->frozen) {
    info.hot_rows += part->row_count();
  }
  info.hot_rows += view.version->hot == nullptr ? 0 : view.version->hot->row_count();
  for (const std::string& reason : damage_->reasons()) {
    info.notes.push_back(read_only_because(reason));
  }
  return info;
}

std::uint64_t Collection::tail_bytes() const {
  const VersionPtr version = current();
  std::uint64_t bytes = version->hot == nullptr ? 0 : waiting_bytes(*version->hot);
  for (const auto& part : version->frozen) {
    bytes += waiting_bytes(*part);
  }
  return bytes;
}

std::uint64_t Collection::hot_bytes() const {
  const VersionPtr version = current();
  std::uint64_t bytes = version->hot == nullptr ? 0 : version->hot->data_bytes();
  for (const auto& part : version->frozen) {
    bytes += part->data_bytes();
  }
  return bytes;
}

std::string Collection::read_only_because(const std::string& reason) const {
  return fmt::format("collection {} is read-only: {}", identity_.name, reason);
}

Status Collection::check_writable() const {
  const std::string reason = damage_->reason();
  return reason.empty() ? ok_status() : unavailable(read_only_because(reason));
}

bool Collection::has_passed_over(const SealedPart& part) const {
  const std::lock_guard lock(apply_mutex_);
  return passed_over_.has_met(part);
}

// ---- The applier's ----

Status Collection::make_room() {
  const VersionPtr version = current();
  if (version->hot != nullptr && !version->hot->is_full()) {
    return ok_status();
  }
  HotPartOptions hot;
  hot.settings = settings();
  hot.row_capacity = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      options_.hot_part_bytes / (std::uint64_t{settings().dim} * sizeof(float)), 1, limits::kHotRowsMax));
  hot.data_bytes_max = options_.hot_part_bytes;
  auto next = std::make_shared<CollectionVersion>(*version);
  if (next->hot != nullptr) {
    next->hot->freeze();
    next->frozen.push_back(std::move(next->hot));
  }
  VIBRATO_ASSIGN_OR_RETURN(next->hot, HotPart::create(hot));
  publish(next);
  return ok_status();
}

void Collection::note_applied(Lsn lsn, std::int64_t time_ms) {
  applied_lsn_.store(lsn.value(), std::memory_order_relaxed);
  updated_at_ms_.store(time_ms, std::memory_order_relaxed);
  if (oldest_unsaved_lsn_.load(std::memory_order_relaxed) == 0) {
    oldest_unsaved_lsn_.store(lsn.value(), std::memory_order_relaxed);
  }
}

// Of an id there is one row that is alive: if it was found elsewhere, these parts do not have it.
void Collection::note_passed_over(std::span<const SegmentPtr> parts, const PointIdView& id, Lsn lsn) {
  for (const SegmentPtr& part : parts) {
    passed_over_.note(part, id, lsn);
    has_passed_over_.store(true, std::memory_order_release);
  }
  if (passed_over_.count() >= kPassedOverMax) {
    settle_passed_over();
  }
}

// Without memory for the marks it stays to be done by the next reader.
void Collection::settle_passed_over() const {
  live_count_.fetch_sub(passed_over_.settle(), std::memory_order_relaxed);
  has_passed_over_.store(passed_over_.count() > 0, std::memory_order_release);
}

Status Collection::apply_put(const PointIdView& id, std::span<const float> vector, std::string_view meta_json, Lsn lsn,
                             std::int64_t time_ms) {
  if (vector.size() != settings().dim) {
    return corruption(fmt::format("record {} of the log puts {} dimensions into collection {} of {}", lsn.value(),
                                  vector.size(), identity_.name, settings().dim));
  }
  const std::lock_guard lock(apply_mutex_);
  if (lsn.value() <= applied_lsn_.load(std::memory_order_relaxed)) {
    return ok_status();
  }
  std::vector<SegmentPtr> passed_over;
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Place> old, find_alive(*current(), id, Lsn::max(), &passed_over));
  VIBRATO_RETURN_IF_ERROR(make_room());
  VIBRATO_RETURN_IF_ERROR(current()->hot->append(id, vector, meta_json, lsn).status());
  if (old) {
    VIBRATO_RETURN_IF_ERROR(old->segment->deletes()->mark(old->row, lsn).status());
  } else {
    live_count_.fetch_add(1, std::memory_order_relaxed);
    note_passed_over(passed_over, id, lsn);
  }
  if (const std::uint64_t next = number_after(id); next > next_point_number()) {
    next_point_number_.store(next, std::memory_order_relaxed);
  }
  note_applied(lsn, time_ms);
  return ok_status();
}

Status Collection::apply_delete(const PointIdView& id, Lsn lsn, std::int64_t time_ms) {
  const std::lock_guard lock(apply_mutex_);
  if (lsn.value() <= applied_lsn_.load(std::memory_order_relaxed)) {
    return ok_status();
  }
  std::vector<SegmentPtr> passed_over;
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Place> old, find_alive(*current(), id, Lsn::max(), &passed_over));
  if (old) {
    VIBRATO_RETURN_IF_ERROR(old->segment->deletes()->mark(old->row, lsn).status());
    live_count_.fetch_sub(1, std::memory_order_relaxed);
  } else {
    note_passed_over(passed_over, id, lsn);
  }
  note_applied(lsn, time_ms);
  return ok_status();
}

void Collection::publish_saved_import(std::span<const std::shared_ptr<const SealedPart>> imported,
                                      std::span<const std::shared_ptr<const SealedPart>> sealed) {
  const std::lock_guard lock(apply_mutex_);
  auto next = std::make_shared<CollectionVersion>(*current());
  for (const std::shared_ptr<const SealedPart>& part : imported) {
    VIBRATO_CHECK(std::erase(next->imported, part) == 1);
  }
  next->sealed.insert(next->sealed.end(), sealed.begin(), sealed.end());
  std::sort(next->sealed.begin(), next->sealed.end(), by_first_lsn);
  publish(next);
}

// ---- Background work ----

Lsn Collection::freeze_hot() {
  const std::lock_guard lock(apply_mutex_);
  const VersionPtr version = current();
  if (version->hot != nullptr && version->hot->row_count() != 0) {
    auto next = std::make_shared<CollectionVersion>(*version);
    next->hot->freeze();
    next->frozen.push_back(std::move(next->hot));
    publish(next);
  }
  return Lsn(applied_lsn_.load(std::memory_order_relaxed));
}

Lsn Collection::durable_lsn() const {
  return Lsn(durable_lsn_.load(std::memory_order_relaxed));
}

void Collection::adopt(SealedPart& part) const {
  part.set_damage(damage_);
  if (options_.filter_cache != nullptr) {
    part.set_filter_cache(options_.filter_cache);
  }
}

void Collection::set_durable_lsn(Lsn lsn) {
  const std::lock_guard lock(apply_mutex_);
  VIBRATO_CHECK(lsn.value() >= durable_lsn_.load(std::memory_order_relaxed));
  durable_lsn_.store(lsn.value(), std::memory_order_relaxed);
  const bool all_saved = applied_lsn_.load(std::memory_order_relaxed) <= lsn.value();
  oldest_unsaved_lsn_.store(all_saved ? 0 : lsn.value() + 1, std::memory_order_relaxed);
}

std::optional<Lsn> Collection::oldest_unsaved_lsn() const {
  const std::uint64_t lsn = oldest_unsaved_lsn_.load(std::memory_order_relaxed);
  return lsn == 0 ? std::optional<Lsn>() : Lsn(lsn);
}

void Collection::publish_sealed(std::span<const std::shared_ptr<HotPart>> frozen,
                                std::span<const std::shared_ptr<const SealedPart>> sealed) {
  const std::lock_guard lock(apply_mutex_);
  auto next = std::make_shared<CollectionVersion>(*current());
  for (const std::shared_ptr<HotPart>& part : frozen) {
    VIBRATO_CHECK(std::erase(next->frozen, part) == 1);
  }
  next->sealed.insert(next->sealed.end(), sealed.begin(), sealed.end());
  std::sort(next->sealed.begin(), next->sealed.end(), by_first_lsn);
  publish(next);
}

Status Collection::publish_merged(std::span<const std::shared_ptr<const SealedPart>> inputs,
                                  const std::shared_ptr<const SealedPart>& output, Lsn merged_at,
                                  const NewRow& new_row) {
  const std::lock_guard lock(apply_mutex_);
  settle_passed_over();  // What it marks is carried over.
  auto next = std::make_shared<CollectionVersion>(*current());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    VIBRATO_CHECK(std::erase(next->sealed, inputs[i]) == 1);
    const DeleteLsns& deletes = *inputs[i]->deletes();
    if (deletes.last_mark() <= merged_at) {
      continue;
    }
    for (std::uint32_t row = 0; row < inputs[i]->row_count(); ++row) {
      if (const Lsn deleted = deletes.deleted_at(row); deleted > merged_at) {
        VIBRATO_RETURN_IF_ERROR(output->deletes()->mark(new_row(i, row), deleted).status());
      }
    }
  }
  if (output != nullptr) {
    next->sealed.push_back(output);
    std::sort(next->sealed.begin(), next->sealed.end(), by_first_lsn);
  }
  publish(next);
  return ok_status();
}

void Collection::load_sealed(std::vector<std::shared_ptr<const SealedPart>> sealed, Lsn durable,
                             std::uint64_t live_count) {
  const std::lock_guard lock(apply_mutex_);
  auto version = std::make_shared<CollectionVersion>();
  version->sealed = std::move(sealed);
  std::sort(version->sealed.begin(), version->sealed.end(), by_first_lsn);
  publish(version);
  durable_lsn_.store(durable.value(), std::memory_order_relaxed);
  applied_lsn_.store(std::max(durable, identity_.created_lsn).value(), std::memory_order_relaxed);
  live_count_.store(live_count, std::memory_order_relaxed);
}

}  // namespace vibrato::vector
