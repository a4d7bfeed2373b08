#include "vector/point_append.hpp"

#include <charconv>
#include <fmt/format.h>
#include <span>
#include <unordered_map>
#include <utility>
#include <vibrato/check.hpp>

#include "format/idempotency_record.hpp"
#include "format/vector_records.hpp"
#include "vector/point_numbers.hpp"

namespace vibrato::vector {
namespace {

using Outcome = AppendOutcome::Item;

constexpr std::uint64_t kItemBytes = 256;  // Of an item beside its body, about.

// The keys of a collection are apart from those of callers, whose scope is the id of an API key.
std::string scope_of(const Collection& collection) {
  return fmt::format("append:{}", collection.identity().number.value());
}

std::uint64_t id_of(const commit::IdempotentAnswer& answer) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(answer.body.data(), answer.body.data() + answer.body.size(), id);
  VIBRATO_CHECK(error == std::errc() && end == answer.body.data() + answer.body.size());  // Append wrote it.
  return id;
}

class Append final : public commit::Write {
 public:
  Append(VectorModel& model, commit::IdempotencyKeys& keys, CollectionPtr collection, std::vector<AppendItem> items,
         std::shared_ptr<AppendOutcome> outcome)
      : model_(model), keys_(keys), collection_(std::move(collection)), outcome_(std::move(outcome)) {
    for (AppendItem& item : items) {
      const format::PointPut put = {format::PutOrigin::kAdded, PointIdView(),
                                    std::as_bytes(std::span(item.point.vector)), item.point.meta_json};
      bodies_.push_back(format::encode_point_put(put));
      bytes_ += kItemBytes + bodies_.back().size() + item.idempotency_key.size();
      item_keys_.push_back(std::move(item.idempotency_key));
    }
  }

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(model_.check_takes_writes(*collection_));
    std::uint64_t next = model_.next_point_number(*collection_);
    std::unordered_map<std::string_view, std::uint64_t> ids_of_keys;  // Of this write's own items.
    outcome_->items.clear();
    effects.reserve(bodies_.size());
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      const std::string& key = item_keys_[i];
      VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> known, known_id(key, ids_of_keys, effects.time_ms()));
      if (known.has_value()) {
        outcome_->items.push_back(Outcome{*known, false});
        continue;
      }
      if (next == kNumbersUsedUp) {
        return {ErrorCode::kConflict, fmt::format("the numbers of collection \"{}\" are used up: a point of it has one "
                                                  "of the largest as its id",
                                                  collection_->identity().name)};
      }
      add(i, next, effects);
      if (!key.empty()) {
        ids_of_keys.emplace(key, next);
      }
      outcome_->items.push_back(Outcome{next++, true});
    }
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  [[nodiscard]] Result<std::optional<std::uint64_t>> known_id(
      const std::string& key, const std::unordered_map<std::string_view, std::uint64_t>& ids_of_keys,
      std::int64_t now_ms) const {
    if (key.empty()) {
      return std::optional<std::uint64_t>();
    }
    if (const auto found = ids_of_keys.find(key); found != ids_of_keys.end()) {
      return std::optional(found->second);
    }
    VIBRATO_ASSIGN_OR_RETURN(const auto answer, keys_.find({scope_of(*collection_), key, {}}, now_ms));
    return answer.has_value() ? std::optional(id_of(*answer)) : std::nullopt;
  }

  void add(std::size_t item, std::uint64_t id, commit::EffectList& effects) {
    format::set_put_number(bodies_[item], std::size_t{collection_->settings().dim} * sizeof(float), id);
    effects.add(static_cast<std::uint16_t>(format::VectorRecord::kPointPut), collection_->identity().number,
                std::move(bodies_[item]));
    if (!item_keys_[item].empty()) {
      constexpr std::uint16_t kCreated = 201;
      effects.add(format::kIdempotencyRecord, CollectionNumber(),
                  format::encode_idempotency_record(
                      {scope_of(*collection_), item_keys_[item], {}, kCreated, std::to_string(id)}));
    }
  }

  VectorModel& model_;
  commit::IdempotencyKeys& keys_;
  const CollectionPtr collection_;
  const std::shared_ptr<AppendOutcome> outcome_;
  std::vector<std::vector<std::byte>> bodies_;
  std::vector<std::string> item_keys_;
  std::uint64_t bytes_ = kItemBytes;
};

}  // namespace

WritePtr make_append(VectorModel& model, commit::IdempotencyKeys& keys, CollectionPtr collection,
                     std::vector<AppendItem> items, std::shared_ptr<AppendOutcome> outcome) {
  return std::make_unique<Append>(model, keys, std::move(collection), std::move(items), std::move(outcome));
}

}  // namespace vibrato::vector
