// The writes of the state model, for Sequencer::submit. Bodies are encoded by whoever makes the write, on many threads;
// the committer only checks and takes them.
//
// Each maker checks all that does not depend on the state when its turn comes; validate() the rest. A write that meets
// a key whose time is over deletes it first, by a record of its own in the same group, and then finds it absent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/write.hpp"
#include "kv/state_model.hpp"

namespace vibrato::kv {

using WritePtr = std::unique_ptr<commit::Write>;

// kInvalidArgument unless it is UTF-8 of 1 to limits::kStateKeyBytesMax bytes, without control characters. `field`
// begins the message: "key: ...".
[[nodiscard]] Status check_key(std::string_view key, std::string_view field = "key");

struct PutInput {
  std::string key;
  std::string value_json;  // Compact JSON text: the caller has parsed it.
  std::optional<std::uint64_t> ttl_ms;
  std::optional<std::uint64_t> if_revision;  // 0: it must not exist.
};
// Set by validate().
struct PutOutcome {
  Lsn revision;
  std::optional<std::int64_t> expires_at_ms;
};
// Errors: kInvalidArgument (key; a ttl of 0), kPayloadTooLarge (limits::kStateValueBytesMax). Of validate:
// kRevisionMismatch.
[[nodiscard]] Result<WritePtr> make_put(StateModel& model, PutInput input, std::shared_ptr<PutOutcome> outcome);

struct DeleteInput {
  std::string key;
  std::optional<std::uint64_t> if_revision;
};
struct DeleteOutcome {
  bool deleted = false;  // It was there. If not, the write may still have deleted it because its time was over.
};
// Errors: kInvalidArgument. Of validate: kRevisionMismatch (of an absent key too, unless 0).
[[nodiscard]] Result<WritePtr> make_delete(StateModel& model, DeleteInput input,
                                           std::shared_ptr<DeleteOutcome> outcome);

// Deletes those of the keys that were not written since they were chosen (StateModel::choose()); the others are passed
// over, as are those whose time is over. `deleted` is set to their number by validate().
[[nodiscard]] WritePtr make_delete_chosen(StateModel& model, std::vector<ChosenKey> keys,
                                          std::shared_ptr<std::uint64_t> deleted);

// Deletes, by records of reason ttl, what is due at `now_ms` (commit::RoundTime), at most `count` keys. Null if nothing
// is: submit none then. Reads rows, so not on the committer thread. Call it when StateModel::next_expiry_ms() has come,
// and again at once while it answers full batches (`keys` is set at once to how many were chosen).
[[nodiscard]] Result<WritePtr> make_expiry(StateModel& model, std::int64_t now_ms, std::size_t count,
                                           std::size_t& keys);

}  // namespace vibrato::kv
