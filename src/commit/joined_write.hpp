// Several writes of any models as one: they are validated one after the other, each sees what those before it do, and
// their effects form one group of the log.
//
//   auto outcome = std::make_shared<commit::JoinedOutcome>();
//   auto write = commit::make_joined(models, std::move(parts), commit::JoinMode::kAllOrNothing, outcome);
//   sequencer.submit(std::move(write), durability, [outcome](Result<Committed> done) {
//     // An error of a part: outcome->first_failed says of which. Else the parts' own outcomes are filled.
//   });
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>
#include <vibrato/status.hpp>

#include "commit/model_set.hpp"
#include "commit/write.hpp"

namespace vibrato::commit {

enum class JoinMode : std::uint8_t {
  kAllOrNothing,  // The first part that fails refuses the whole write, with its status; nothing is logged.
  kEachByItself,  // A part that fails has no effects; the others are done. The whole write is not refused.
};

// Filled by validate(), before the write is answered.
struct JoinedOutcome {
  // One a part, in order. Parts behind the first failure of an all-or-nothing write are not validated: not there.
  std::vector<Status> parts;
  std::optional<std::size_t> first_failed;
};

// How it goes: validate() stages the effects of each part in `models`, so that the next part sees them, and takes them
// all back at its end, since whoever called it stages the group. So it may be within another write (make_idempotent),
// and be a part itself.
// The outcomes of the parts are filled by their own validate(), with the LSNs and the time that their records will
// have; those of parts without effects in the log (failed, or beside a failed one) mean nothing.
// `models` outlives the write. Requires: no part is null.
[[nodiscard]] std::unique_ptr<Write> make_joined(const ModelSet& models, std::vector<std::unique_ptr<Write>> parts,
                                                 JoinMode mode, std::shared_ptr<JoinedOutcome> outcome);

}  // namespace vibrato::commit
