#include "report.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vibrato::bench {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

const Entry* find(const std::vector<Entry>& entries, std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.contender->name() == name) return &entry;
  }
  return nullptr;
}

void print_settings(const Entry& entry) {
  fmt::print("\n{}: build {:.2f} s (one thread), memory {}\n", entry.contender->name(), entry.build_seconds,
             entry.memory_bytes == 0 ? "not measured"
                                     : fmt::format("{:.1f} MiB", static_cast<double>(entry.memory_bytes) / kMiB));
  if (!entry.contender->note().empty()) fmt::print("  {}\n", entry.contender->note());
  fmt::print("  {:>6} {:>7} {:>8} {:>10} {:>9} {:>9} {:>9} {:>10}\n", "ef", "slack", "recall", "QPS", "p50 us",
             "p95 us", "p99 us", "distances");
  for (const Setting& setting : entry.settings) {
    const Pass pass = setting.median();
    fmt::print("  {:>6} {:>7.3f} {:>8.4f} {:>10.0f} {:>9.1f} {:>9.1f} {:>9.1f} {:>10}\n", setting.effort.ef,
               static_cast<double>(setting.effort.slack), setting.quality.recall, pass.qps, pass.p50_us, pass.p95_us,
               pass.p99_us,
               setting.quality.distances_per_query ? fmt::format("{:.0f}", *setting.quality.distances_per_query) : "-");
  }
}

std::string speed_text(const std::optional<SpeedAt>& speed) {
  if (!speed) return "-";
  return fmt::format("{}{:.0f}", speed->lower_bound ? ">=" : "", speed->qps);
}

void print_speeds(const std::vector<Entry>& entries, const Entry* own, const Entry* peer) {
  fmt::print("\nQPS at recall");
  for (const double recall : kRecallTargets) fmt::print(" {:>9}", recall);
  fmt::print("\n");
  for (const Entry& entry : entries) {
    fmt::print("{:<13}", entry.contender->name());
    for (const double recall : kRecallTargets) fmt::print(" {:>9}", speed_text(speed_at(entry.points(), recall)));
    fmt::print("\n");
  }
  if (own == nullptr || peer == nullptr) return;
  fmt::print("{:<13}", "vibrato/hnsw.");
  for (const double recall : kRecallTargets) {
    const auto ours = speed_at(own->points(), recall);
    const auto theirs = speed_at(peer->points(), recall);
    const bool known = ours && theirs && !theirs->lower_bound;
    fmt::print(" {:>9}", known ? fmt::format("{:.2f}x", ours->qps / theirs->qps) : "-");
  }
  fmt::print("\nbuild time    {:.3f}x   memory {}\n", own->build_seconds / peer->build_seconds,
             peer->memory_bytes == 0 ? "not measured"
                                     : fmt::format("{:.3f}x", static_cast<double>(own->memory_bytes) /
                                                                  static_cast<double>(peer->memory_bytes)));
}

// What a further thread adds, as a share of the first one: 1 is perfect.
double added(double one, double all, unsigned threads) {
  return (all / one - 1) / (threads - 1);
}

void print_scaling(const Entry& entry, unsigned threads) {
  fmt::print("\n{} with {} threads: build {:.2f} s, each further thread adds {:.2f} of one\n", entry.contender->name(),
             threads, entry.scaled_build_seconds,
             added(1 / entry.build_seconds, 1 / entry.scaled_build_seconds, threads));
  for (const ScalingPoint& point : entry.scaling) {
    fmt::print("  recall {:.4f}: {:.0f} -> {:.0f} QPS, each further thread adds {:.2f} of one\n", point.recall,
               point.one_thread_qps, point.all_threads_qps,
               added(point.one_thread_qps, point.all_threads_qps, threads));
  }
}

nlohmann::json entry_json(const Entry& entry, const ComparisonOptions& options) {
  nlohmann::json json = {{"name", entry.contender->name()},      {"note", entry.contender->note()},
                         {"build_seconds", entry.build_seconds}, {"memory_bytes", entry.memory_bytes},
                         {"settings", nlohmann::json::array()},  {"qps_at_recall", nlohmann::json::array()}};
  for (const Setting& setting : entry.settings) {
    const Pass pass = setting.median();
    nlohmann::json row = {
        {"ef", setting.effort.ef}, {"slack", setting.effort.slack}, {"recall", setting.quality.recall},
        {"qps", pass.qps},         {"p50_us", pass.p50_us},         {"p95_us", pass.p95_us},
        {"p99_us", pass.p99_us}};
    if (setting.quality.distances_per_query) row["distances_per_query"] = *setting.quality.distances_per_query;
    json["settings"].push_back(std::move(row));
  }
  for (const double recall : kRecallTargets) {
    const auto speed = speed_at(entry.points(), recall);
    if (!speed) continue;
    json["qps_at_recall"].push_back({{"recall", recall}, {"qps", speed->qps}, {"lower_bound", speed->lower_bound}});
  }
  if (options.scaling_threads > 1) {
    json["scaling"] = {{"threads", options.scaling_threads}, {"build_seconds", entry.scaled_build_seconds}};
    for (const ScalingPoint& point : entry.scaling) {
      json["scaling"]["searches"].push_back({{"recall", point.recall},
                                             {"one_thread_qps", point.one_thread_qps},
                                             {"all_threads_qps", point.all_threads_qps}});
    }
  }
  return json;
}

}  // namespace

void print_report(const Workload& workload, const std::vector<Entry>& entries, const ComparisonOptions& options) {
  fmt::print("{}: {} rows of {} dims, {}{}, {} queries, k {}, M {}, ef_construction {}, medians of {}{}\n",
             workload.base, workload.rows, workload.dim, workload.metric,
             workload.rotated ? " (rotated, unit length)" : "", workload.queries, options.k, options.build.m,
             options.build.ef_construction, options.repeat,
             options.time == TimeKind::kProcessor ? ", processor time" : "");
  for (const Entry& entry : entries) print_settings(entry);
  print_speeds(entries, find(entries, "vibrato"), find(entries, "hnswlib"));
  if (options.scaling_threads > 1) {
    for (const Entry& entry : entries) print_scaling(entry, options.scaling_threads);
  }
}

std::string json_report(const Workload& workload, const std::vector<Entry>& entries, const ComparisonOptions& options) {
  nlohmann::json json = {{"base", workload.base},
                         {"rows", workload.rows},
                         {"dim", workload.dim},
                         {"queries", workload.queries},
                         {"metric", workload.metric},
                         {"rotated", workload.rotated},
                         {"k", options.k},
                         {"m", options.build.m},
                         {"ef_construction", options.build.ef_construction},
                         {"repeat", options.repeat},
                         {"time", options.time == TimeKind::kProcessor ? "processor" : "wall"},
                         {"contenders", nlohmann::json::array()}};
  for (const Entry& entry : entries) json["contenders"].push_back(entry_json(entry, options));
  return json.dump(2);
}

}  // namespace vibrato::bench
