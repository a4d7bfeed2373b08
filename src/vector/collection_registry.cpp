#include "vector/collection_registry.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>
#include <utility>

namespace vibrato::vector {

CollectionPtr CollectionRegistry::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<CollectionPtr> CollectionRegistry::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<CollectionPtr> collections;
  collections.reserve(by_name_.size());
  for (const auto& [name, collection] : by_name_) {
    collections.push_back(collection);
  }
  return collections;
}

CollectionRegistry::Unsaved CollectionRegistry::unsaved() const {
  const std::shared_lock lock(mutex_);
  return {created_, dropped_};
}

// Both lists only grow at their ends.
void CollectionRegistry::set_saved(std::size_t created, std::size_t dropped) {
  const std::unique_lock lock(mutex_);
  VIBRATO_CHECK(created <= created_.size() && dropped <= dropped_.size());
  created_.erase(created_.begin(), created_.begin() + static_cast<std::ptrdiff_t>(created));
  dropped_.erase(dropped_.begin(), dropped_.begin() + static_cast<std::ptrdiff_t>(dropped));
}

CollectionPtr CollectionRegistry::find_for_write(std::string_view name) const {
  const auto staged = std::find_if(staged_.rbegin(), staged_.rend(),
                                   [name](const Staged& one) { return one.collection->identity().name == name; });
  if (staged != staged_.rend()) {
    return staged->dropped ? nullptr : staged->collection;
  }
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool CollectionRegistry::exists(const Collection& collection) const {
  const auto staged = std::find_if(staged_.rbegin(), staged_.rend(),
                                   [&](const Staged& one) { return one.collection.get() == &collection; });
  if (staged != staged_.rend()) {
    return !staged->dropped;
  }
  const auto found = by_number_.find(collection.identity().number);
  return found != by_number_.end() && found->second.get() == &collection;
}

std::size_t CollectionRegistry::count_for_write() const {
  std::size_t count = by_number_.size();
  for (const Staged& staged : staged_) {
    count = staged.dropped ? count - 1 : count + 1;
  }
  return count;
}

CollectionNumber CollectionRegistry::highest_number_for_write() const {
  CollectionNumber highest = highest_number_;
  for (const Staged& staged : staged_) {
    highest = std::max(highest, staged.collection->identity().number);
  }
  return highest;
}

void CollectionRegistry::stage_created(Lsn lsn, CollectionPtr collection) {
  staged_.push_back({lsn, std::move(collection), false});
}

void CollectionRegistry::stage_dropped(Lsn lsn, CollectionNumber number) {
  const auto staged = std::find_if(staged_.rbegin(), staged_.rend(),
                                   [number](const Staged& one) { return one.collection->identity().number == number; });
  CollectionPtr collection = staged != staged_.rend() ? staged->collection : by_number_.at(number);
  staged_.push_back({lsn, std::move(collection), true});
}

void CollectionRegistry::unstage_from(Lsn lsn) {
  std::erase_if(staged_, [lsn](const Staged& one) { return one.lsn >= lsn; });
}

CollectionPtr CollectionRegistry::staged_at(Lsn lsn) const {
  const auto staged = std::find_if(staged_.begin(), staged_.end(), [lsn](const Staged& one) { return one.lsn == lsn; });
  return staged == staged_.end() ? nullptr : staged->collection;
}

void CollectionRegistry::forget_staged(Lsn lsn) {
  while (!staged_.empty() && staged_.front().lsn <= lsn) {
    staged_.pop_front();
  }
}

void CollectionRegistry::load(const LoadedCollections& loaded) {
  const std::unique_lock lock(mutex_);
  for (const CollectionPtr& collection : loaded.collections) {
    by_name_.emplace(collection->identity().name, collection);
    by_number_.emplace(collection->identity().number, collection);
  }
  highest_number_ = loaded.highest_number;
}

Status CollectionRegistry::apply_created(const CollectionPtr& collection) {
  const CollectionIdentity& identity = collection->identity();
  if (const auto present = by_number_.find(identity.number); present != by_number_.end()) {
    const CollectionIdentity& known = present->second->identity();
    return known.name == identity.name && known.settings == identity.settings
               ? ok_status()
               : invalid_argument(fmt::format("collection {} was created as \"{}\" before, with other settings",
                                              identity.number.value(), known.name));
  }
  if (identity.number <= highest_number_) {
    return ok_status();  // It was dropped since, and that is saved.
  }
  if (by_name_.contains(identity.name)) {
    return invalid_argument(fmt::format("there is a collection \"{}\" already", identity.name));
  }
  const std::unique_lock lock(mutex_);
  highest_number_ = identity.number;
  by_name_.emplace(identity.name, collection);
  by_number_.emplace(identity.number, collection);
  created_.push_back(collection);
  return ok_status();
}

Status CollectionRegistry::apply_dropped(CollectionNumber number, Lsn lsn) {
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, find_applied(number));
  if (collection == nullptr) {
    return ok_status();
  }
  const std::unique_lock lock(mutex_);
  by_name_.erase(collection->identity().name);
  by_number_.erase(number);
  dropped_.push_back({collection, lsn});
  return ok_status();
}

Result<CollectionPtr> CollectionRegistry::find_applied(CollectionNumber number) const {
  const auto found = by_number_.find(number);
  if (found != by_number_.end()) {
    return found->second;
  }
  if (number > highest_number_) {
    return invalid_argument(fmt::format("there never was a collection with the number {}", number.value()));
  }
  return CollectionPtr();
}

}  // namespace vibrato::vector
