// A write that is done once, however often its request comes: around any write of any model.
//
//   auto outcome = std::make_shared<commit::IdempotentOutcome>();
//   auto write = commit::make_idempotent(keys, std::move(inner), key, answer, outcome);
//   sequencer.submit(std::move(write), durability, [outcome](Result<Committed> done) {
//     // An error: answered as for any write. Else: outcome->answer, byte for byte, the first time and each time after.
//   });
#pragma once

#include <functional>
#include <memory>

#include "commit/idempotency_keys.hpp"
#include "commit/write.hpp"

namespace vibrato::commit {

struct IdempotentOutcome {
  IdempotentAnswer answer;
  bool repeated = false;  // The answer is that of an earlier request.
};

// Makes the answer of a write that was accepted: `last_lsn` is that of its last record, 0 if it changed nothing;
// `time_ms` is the time of its records. Called once at most, on the committer's thread, before anything is logged.
using AnswerMaker = std::function<IdempotentAnswer(Lsn last_lsn, std::int64_t time_ms)>;

// The result's validate() asks `keys` first: a repeated request has no effects, the key of another one is kConflict.
// Then it validates `inner`, and adds the record of the key behind its effects (also if there are none: the answer was
// given). What `inner` refuses is refused, and not remembered. kPayloadTooLarge for an answer that is too long to keep.
// `inner` may be null, for a request that was carried out before by writes of its own: the group is the record alone.
// Requires: check_idempotency_key(key.key); a scope of at most limits::kIdempotencyScopeBytesMax bytes, without line
// breaks. `keys` outlives the write. `Committed::last_lsn` is that of the key's record: clients get the answer's.
[[nodiscard]] std::unique_ptr<Write> make_idempotent(IdempotencyKeys& keys, std::unique_ptr<Write> inner,
                                                     IdempotencyKey key, AnswerMaker make_answer,
                                                     std::shared_ptr<IdempotentOutcome> outcome);

// In front of a request that is carried out by several writes, the last of them as above: has no effects, and sets
// `outcome` if the request was done already, or if it was begun: then the answer is the one of the last write that was
// made with format::kUnfinishedStatus as the status of its answer, which says how far it came, and `repeated` is false.
// validate() refuses the key of another request: kConflict.
[[nodiscard]] std::unique_ptr<Write> make_idempotency_check(const IdempotencyKeys& keys, IdempotencyKey key,
                                                            std::shared_ptr<IdempotentOutcome> outcome);

}  // namespace vibrato::commit
