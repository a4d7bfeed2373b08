// The run that compares contenders: builds each, then sweeps their settings in turn, so that what disturbs the
// machine disturbs all of them alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "contender.hpp"
#include "frontier.hpp"
#include "measure.hpp"

namespace vibrato::bench {

struct ComparisonOptions {
  BuildOptions build;  // `threads` is 1 here: figures of building are those of one thread.
  std::size_t k = 10;
  std::size_t repeat = 3;
  TimeKind time = TimeKind::kWall;   // Of building and QPS in one thread.
  unsigned scaling_threads = 1;      // Above 1: also builds and searches with so many threads.
  std::vector<Effort> own_efforts;   // Empty: the contender's own list.
  std::vector<Effort> peer_efforts;  // As above.
};

struct Setting {
  Effort effort;
  Quality quality;
  std::vector<Pass> passes;

  [[nodiscard]] Pass median() const;
};

struct ScalingPoint {
  double recall = 0;
  double one_thread_qps = 0;
  double all_threads_qps = 0;
};

struct Entry {
  std::unique_ptr<Contender> contender;
  double build_seconds = 0;
  double scaled_build_seconds = 0;  // With scaling_threads; 0 if not measured.
  // Anonymous + resident mapped, after one pass over the queries. 0 if not measured: a build with many threads before
  // leaves memory behind.
  std::int64_t memory_bytes = 0;
  std::vector<Setting> settings;
  std::vector<ScalingPoint> scaling;

  [[nodiscard]] std::vector<Point> points() const;
};

// Builds and measures all contenders. `base` is freed once all are built. Says on stderr what it is doing.
[[nodiscard]] Result<std::vector<Entry>> compare(std::vector<std::unique_ptr<Contender>> contenders, Matrix base,
                                                 const Matrix& queries, const Truth& truth,
                                                 const ComparisonOptions& options);

}  // namespace vibrato::bench
