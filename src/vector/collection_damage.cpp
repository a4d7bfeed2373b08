#include "vector/collection_damage.hpp"

#include <algorithm>
#include <utility>

namespace vibrato::vector {

void CollectionDamage::set(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (general_.empty()) {
    general_ = reason;
  }
  note_whether_there_are_reasons();
}

void CollectionDamage::add(catalog::SegmentId part, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  damaged_.try_emplace(part, Part{reason, false});
  unreadable_.erase(part);
  note_whether_there_are_reasons();
}

void CollectionDamage::set_marked(catalog::SegmentId part) {
  const std::lock_guard lock(mutex_);
  if (const auto found = damaged_.find(part); found != damaged_.end()) {
    found->second.is_marked = true;
  }
}

bool CollectionDamage::is_marked(catalog::SegmentId part) const {
  const std::lock_guard lock(mutex_);
  const auto found = damaged_.find(part);
  return found != damaged_.end() && found->second.is_marked;
}

void CollectionDamage::forget(catalog::SegmentId part) {
  const std::lock_guard lock(mutex_);
  damaged_.erase(part);
  unreadable_.erase(part);
  note_whether_there_are_reasons();
}

// Every request that meets the same damage comes by: only the first one leaves something.
void CollectionDamage::report(catalog::SegmentId part, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (damaged_.try_emplace(part, Part{reason, false}).second) {
    unreadable_.erase(part);
    found_.push_back({part, reason});
    has_found_.store(true, std::memory_order_release);
    note_whether_there_are_reasons();
  }
}

std::vector<CollectionDamage::Found> CollectionDamage::take_found() {
  if (!has_found_.load(std::memory_order_acquire)) {
    return {};
  }
  const std::lock_guard lock(mutex_);
  has_found_.store(false, std::memory_order_release);
  return std::exchange(found_, {});
}

void CollectionDamage::set_unreadable(catalog::SegmentId part, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!damaged_.contains(part)) {
    unreadable_[part] = reason;
    note_whether_there_are_reasons();
  }
}

bool CollectionDamage::set_readable(catalog::SegmentId part) {
  const std::lock_guard lock(mutex_);
  const bool was_unreadable = unreadable_.erase(part) > 0;
  note_whether_there_are_reasons();
  return was_unreadable;
}

void CollectionDamage::keep_unreadable(std::span<const catalog::SegmentId> present) {
  const std::lock_guard lock(mutex_);
  std::erase_if(unreadable_, [present](const auto& part) {
    return std::find(present.begin(), present.end(), part.first) == present.end();
  });
  note_whether_there_are_reasons();
}

void CollectionDamage::note_whether_there_are_reasons() {
  has_reasons_.store(!general_.empty() || !damaged_.empty() || !unreadable_.empty(), std::memory_order_release);
}

std::string CollectionDamage::reason() const {
  if (!has_reasons_.load(std::memory_order_acquire)) {
    return {};
  }
  const std::lock_guard lock(mutex_);
  if (!general_.empty()) {
    return general_;
  }
  if (!damaged_.empty()) {
    return damaged_.begin()->second.reason;
  }
  return unreadable_.empty() ? std::string() : unreadable_.begin()->second;
}

std::vector<std::string> CollectionDamage::reasons() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  if (!general_.empty()) {
    all.push_back(general_);
  }
  for (const auto& [id, part] : damaged_) {
    all.push_back(part.reason);
  }
  for (const auto& [id, reason] : unreadable_) {
    all.push_back(reason);
  }
  return all;
}

}  // namespace vibrato::vector
