#include "comparison.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

#include "memory.hpp"

namespace vibrato::bench {
namespace {

Result<double> timed_build(Contender& contender, const Matrix& base, BuildOptions options, unsigned threads,
                           TimeKind time) {
  options.threads = threads;
  const Stopwatch stopwatch(time);
  VIBRATO_RETURN_IF_ERROR(contender.build(base, options));
  const double seconds = stopwatch.seconds();
  fmt::print(stderr, "{}: built in {:.2f} s with {} thread(s)\n", contender.name(), seconds, threads);
  return seconds;
}

const std::vector<Effort>& efforts_of(const Contender& contender, const ComparisonOptions& options) {
  static const std::vector<Effort> kItsOwn;
  if (contender.name() == "vibrato_file") return kItsOwn;
  return contender.name() == "vibrato" ? options.own_efforts : options.peer_efforts;
}

Status build_entry(Entry& entry, const Matrix& base, const Matrix& queries, const Truth& truth,
                   const ComparisonOptions& options) {
  Contender& contender = *entry.contender;
  if (options.scaling_threads > 1) {
    VIBRATO_ASSIGN_OR_RETURN(entry.scaled_build_seconds,
                             timed_build(contender, base, options.build, options.scaling_threads, TimeKind::kWall));
  }
  const std::int64_t before = entry.scaled_build_seconds == 0 ? resident_bytes() : 0;
  VIBRATO_ASSIGN_OR_RETURN(entry.build_seconds, timed_build(contender, base, options.build, 1, options.time));
  VIBRATO_RETURN_IF_ERROR(contender.prepare());
  std::vector<Effort> efforts = efforts_of(contender, options);
  if (efforts.empty()) efforts = contender.default_efforts();
  for (const Effort& effort : efforts) entry.settings.push_back({.effort = effort, .quality = {}, .passes = {}});
  contender.set_effort(efforts[efforts.size() / 2]);
  (void)measure_quality(contender, queries, truth, options.k);
  if (before != 0) entry.memory_bytes = resident_bytes() - before;
  return ok_status();
}

// The setting at `index` of every contender that has so many, one after the other.
void sweep_once(std::vector<Entry>& entries, const Matrix& queries, const ComparisonOptions& options,
                std::size_t index) {
  for (Entry& entry : entries) {
    if (index >= entry.settings.size()) continue;
    entry.contender->set_effort(entry.settings[index].effort);
    entry.settings[index].passes.push_back(measure_pass(*entry.contender, queries, options.k, options.time));
  }
}

void sweep(std::vector<Entry>& entries, const Matrix& queries, const Truth& truth, const ComparisonOptions& options) {
  std::size_t settings = 0;
  for (Entry& entry : entries) {
    settings = std::max(settings, entry.settings.size());
    for (Setting& setting : entry.settings) {
      entry.contender->set_effort(setting.effort);
      setting.quality = measure_quality(*entry.contender, queries, truth, options.k);
    }
  }
  for (std::size_t round = 0; round < options.repeat; ++round) {
    fmt::print(stderr, "round {} of {}\n", round + 1, options.repeat);
    for (std::size_t index = 0; index < settings; ++index) sweep_once(entries, queries, options, index);
  }
}

double median_of(std::vector<double> values) {
  return quantile(values, 0.5);
}

// One thread and all threads in turn, at the first settings that reach 0.95 and 0.99.
void measure_scaling(Entry& entry, const Matrix& queries, const ComparisonOptions& options) {
  for (const double recall : {0.95, 0.99}) {
    const auto setting = std::find_if(entry.settings.begin(), entry.settings.end(),
                                      [&](const Setting& each) { return each.quality.recall >= recall; });
    if (setting == entry.settings.end()) continue;
    entry.contender->set_effort(setting->effort);
    std::vector<double> one;
    std::vector<double> all;
    for (std::size_t round = 0; round < options.repeat; ++round) {
      one.push_back(measure_threads_qps(*entry.contender, queries, options.k, 1));
      all.push_back(measure_threads_qps(*entry.contender, queries, options.k, options.scaling_threads));
    }
    entry.scaling.push_back({setting->quality.recall, median_of(one), median_of(all)});
  }
}

}  // namespace

Pass Setting::median() const {
  const auto of = [&](double Pass::*member) {
    std::vector<double> values;
    for (const Pass& pass : passes) values.push_back(pass.*member);
    return quantile(values, 0.5);
  };
  return {of(&Pass::qps), of(&Pass::p50_us), of(&Pass::p95_us), of(&Pass::p99_us)};
}

std::vector<Point> Entry::points() const {
  std::vector<Point> points;
  for (const Setting& setting : settings) points.push_back({setting.quality.recall, setting.median().qps});
  return points;
}

Result<std::vector<Entry>> compare(std::vector<std::unique_ptr<Contender>> contenders, Matrix base,
                                   const Matrix& queries, const Truth& truth, const ComparisonOptions& options) {
  std::vector<Entry> entries;
  for (auto& contender : contenders) {
    Entry entry;
    entry.contender = std::move(contender);
    VIBRATO_RETURN_IF_ERROR(build_entry(entry, base, queries, truth, options));
    entries.push_back(std::move(entry));
  }
  base = Matrix{};
  sweep(entries, queries, truth, options);
  if (options.scaling_threads > 1) {
    for (Entry& entry : entries) measure_scaling(entry, queries, options);
  }
  return entries;
}

}  // namespace vibrato::bench
