#include "kv/state_writes.hpp"

#include <fmt/format.h>
#include <span>
#include <utility>

#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "format/state_records.hpp"

namespace vibrato::kv {
namespace {

using Body = std::vector<std::byte>;
using format::StateDeleteReason;
using format::StateRecord;
using overlay::RowPtr;

// The largest number that every reader of JSON takes exactly.
constexpr std::uint64_t kTtlMsMax = (std::uint64_t{1} << 53) - 1;
constexpr std::uint64_t kWriteBytes = 256;  // Of one, beside its texts.

void add(commit::EffectList& effects, StateRecord type, Body&& body) {
  effects.add(static_cast<std::uint16_t>(type), CollectionNumber(), std::move(body));
}

void add_delete(commit::EffectList& effects, std::string_view key, StateDeleteReason reason) {
  add(effects, StateRecord::kDeleted, format::encode_state_deleted({.key = key, .reason = reason}));
}

// What a write finds of its key.
struct Found {
  bool is_there = false;
  bool is_over = false;  // It was there, and its time is over.
  Lsn revision;          // 0 if it is not there.
};

Result<Found> find(StateModel& model, std::string_view key, std::int64_t now_ms) {
  VIBRATO_ASSIGN_OR_RETURN(const RowPtr row, model.newest(key));
  Found found;
  found.is_over = row && is_over(*row, now_ms);
  found.is_there = row && !found.is_over;
  found.revision = found.is_there ? row->lsn : Lsn();
  return found;
}

Status check_revision(std::string_view key, const Found& found, std::optional<std::uint64_t> wanted) {
  if (!wanted.has_value() || *wanted == found.revision.value()) {
    return ok_status();
  }
  const std::string is = found.is_there ? fmt::format("has revision {}", found.revision.value()) : "does not exist";
  const std::string expected = *wanted == 0 ? "it must not exist" : fmt::format("expected revision {}", *wanted);
  return {ErrorCode::kRevisionMismatch, fmt::format("key '{}' {}; {} (if_revision)", key, is, expected)};
}

class Put final : public commit::Write {
 public:
  Put(StateModel& model, PutInput input, Body body, std::shared_ptr<PutOutcome> outcome)
      : model_(model), input_(std::move(input)), body_(std::move(body)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const std::int64_t now_ms = effects.time_ms();
    // Most puts need not know what was there.
    if (input_.if_revision.has_value() || !model_.none_due(now_ms)) {
      VIBRATO_ASSIGN_OR_RETURN(const Found found, find(model_, input_.key, now_ms));
      VIBRATO_RETURN_IF_ERROR(check_revision(input_.key, found, input_.if_revision));
      if (found.is_over) {
        add_delete(effects, input_.key, StateDeleteReason::kTtl);
      }
    }
    if (input_.ttl_ms.has_value()) {
      outcome_->expires_at_ms = now_ms + static_cast<std::int64_t>(*input_.ttl_ms);
      format::set_state_expiry(body_, *outcome_->expires_at_ms);
    }
    outcome_->revision = effects.next_lsn();
    add(effects, StateRecord::kPut, std::move(body_));
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + input_.key.size() + body_.size(); }

 private:
  StateModel& model_;
  PutInput input_;  // Without the value.
  Body body_;
  std::shared_ptr<PutOutcome> outcome_;
};

class Delete final : public commit::Write {
 public:
  Delete(StateModel& model, DeleteInput input, std::shared_ptr<DeleteOutcome> outcome)
      : model_(model), input_(std::move(input)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(const Found found, find(model_, input_.key, effects.time_ms()));
    VIBRATO_RETURN_IF_ERROR(check_revision(input_.key, found, input_.if_revision));
    outcome_->deleted = found.is_there;
    if (found.is_there || found.is_over) {
      add_delete(effects, input_.key, found.is_over ? StateDeleteReason::kTtl : StateDeleteReason::kExplicit);
    }
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + input_.key.size(); }

 private:
  StateModel& model_;
  DeleteInput input_;
  std::shared_ptr<DeleteOutcome> outcome_;
};

// Of keys that were chosen before: by a prefix, or because their time is over.
class DeleteChosen final : public commit::Write {
 public:
  DeleteChosen(StateModel& model, std::vector<ChosenKey> keys, StateDeleteReason reason,
               std::shared_ptr<std::uint64_t> deleted)
      : model_(model), keys_(std::move(keys)), reason_(reason), deleted_(std::move(deleted)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const bool wants_over = reason_ == StateDeleteReason::kTtl;
    *deleted_ = 0;
    for (const ChosenKey& key : keys_) {
      VIBRATO_ASSIGN_OR_RETURN(const RowPtr row, model_.newest(key.key));
      if (row && row->lsn == key.revision && is_over(*row, effects.time_ms()) == wants_over) {
        add_delete(effects, key.key, reason_);
        ++*deleted_;
      }
    }
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    return kWriteBytes + keys_.size() * (sizeof(ChosenKey) + limits::kStateKeyBytesMax / 8);
  }

 private:
  StateModel& model_;
  std::vector<ChosenKey> keys_;
  StateDeleteReason reason_;
  std::shared_ptr<std::uint64_t> deleted_;
};

}  // namespace

Status check_key(std::string_view key, std::string_view field) {
  if (key.empty()) {
    return invalid_argument(fmt::format("{}: is empty", field));
  }
  if (key.size() > limits::kStateKeyBytesMax) {
    return invalid_argument(
        fmt::format("{}: has {} bytes, at most {} fit", field, key.size(), limits::kStateKeyBytesMax));
  }
  if (!is_utf8(key)) {
    return invalid_argument(fmt::format("{}: is no UTF-8", field));
  }
  return has_control_characters(key) ? invalid_argument(fmt::format("{}: has a control character", field))
                                     : ok_status();
}

Result<WritePtr> make_put(StateModel& model, PutInput input, std::shared_ptr<PutOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_key(input.key));
  if (input.ttl_ms.has_value() && (*input.ttl_ms == 0 || *input.ttl_ms > kTtlMsMax)) {
    return invalid_argument(fmt::format("ttl_ms: must be 1 to {}; leave it out for a key that stays", kTtlMsMax));
  }
  if (input.value_json.size() > limits::kStateValueBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, fmt::format("value: has {} bytes as JSON text, at most {} fit",
                                                           input.value_json.size(), limits::kStateValueBytesMax));
  }
  VIBRATO_CHECK(!input.value_json.empty());
  Body body = format::encode_state_put({.key = input.key, .value_json = input.value_json, .expires_at_ms = {}});
  input.value_json = {};
  return WritePtr(std::make_unique<Put>(model, std::move(input), std::move(body), std::move(outcome)));
}

Result<WritePtr> make_delete(StateModel& model, DeleteInput input, std::shared_ptr<DeleteOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_key(input.key));
  return WritePtr(std::make_unique<Delete>(model, std::move(input), std::move(outcome)));
}

WritePtr make_delete_chosen(StateModel& model, std::vector<ChosenKey> keys, std::shared_ptr<std::uint64_t> deleted) {
  return std::make_unique<DeleteChosen>(model, std::move(keys), StateDeleteReason::kExplicit, std::move(deleted));
}

Result<WritePtr> make_expiry(StateModel& model, std::int64_t now_ms, std::size_t count, std::size_t& keys) {
  keys = 0;
  const std::optional<std::int64_t> first = model.next_expiry_ms();
  if (!first.has_value() || *first > now_ms) {
    return WritePtr();
  }
  VIBRATO_ASSIGN_OR_RETURN(std::vector<ChosenKey> due, model.due(now_ms, count));
  keys = due.size();
  if (due.empty()) {
    return WritePtr();
  }
  return WritePtr(std::make_unique<DeleteChosen>(model, std::move(due), StateDeleteReason::kTtl,
                                                 std::make_shared<std::uint64_t>(0)));
}

}  // namespace vibrato::kv
