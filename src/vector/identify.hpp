// Which recording a sequence of frames comes from: the runs of points whose ids follow each other and whose vectors are
// most like the query's, frame by frame.
//
//   1. Every frame votes: its nearest points say where a run would begin (id minus the frame's place).
//   2. The beginnings with the best votes are scored exactly, over all of their frames, wherever these are.
// A run is n live points with the ids i, i + 1, ..., i + n - 1 that all match the filter and, where they have one,
// share one `source_file`. A missing frame breaks it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "filter/condition.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

struct IdentifyRequest {
  std::vector<std::vector<float>> frames;  // Shape [n][dim], n >= 1. Frames of zeros are silence: they have no votes.
  bool allows_silence = false;             // Under cosine too, where a zero vector is otherwise refused.
  std::uint32_t k = 5;
  std::uint32_t ef = 100;
  Tier tier = Tier::kAll;
  std::optional<filter::Filter> filter;
  Deadline deadline;
};

struct Run {
  std::uint64_t id = 0;  // Of its first frame.
  float score = 0;       // Mean over the frames of their dot products, of unit vectors under cosine.
  Point first;
};

// The best k runs, best first, ties by id. Errors: kInvalidArgument under l2 or for frames that do not fit the
// collection, naming "vectors[i]"; as Collection::search.
[[nodiscard]] Result<std::vector<Run>> identify(const Collection& collection, const IdentifyRequest& request);

}  // namespace vibrato::vector
