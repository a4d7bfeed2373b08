// Searches that name the recall they want, on a sealed segment with its calibration: the recall that real queries
// reach, the distances that it takes, and how many the best fixed setting takes to reach the target on the very same
// queries: the cheapest of `ef` alone and of slack alone, each gone through in small steps, interpolated on its
// frontier. All rows, and with filters: random shares of the rows, and shares of the rows nearest to one of them (far
// from most queries).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <optional>

#include "exact.hpp"
#include "hnsw/allowed_search.hpp"
#include "io/real_file_system.hpp"
#include "measure.hpp"
#include "search_problem.hpp"
#include "stopwatch.hpp"
#include "vector/calibrate.hpp"
#include "vector/recall_truth.hpp"
#include "vector/sealed_part.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::bench {
namespace {

constexpr std::uint32_t kWidth = 100;

struct Arguments {
  ProblemFiles files;
  std::vector<std::uint32_t> ks = {1, 10, 100};
  std::vector<float> targets = {0.90F, 0.95F, 0.99F};
  std::vector<double> shares = {1.0, 0.5, 0.1, 0.01};
  bool near_filters = false;
};

// One point of a setting: what all queries came to.
struct Outcome {
  double recall = 0;
  double distances = 0;
};

// A filter's rows, and the true answers among them.
struct Workload {
  double share = 1;
  std::string name;
  std::optional<filter::RowSet> allowed;
  std::vector<std::uint64_t> bits;
  Truth truth;  // Row numbers of the base.
};

using Search = std::function<std::uint64_t(const float* query, std::vector<hnsw::Hit>& hits)>;

class Bench {
 public:
  Bench(const Arguments& arguments, SearchProblem problem) : arguments_(arguments), problem_(std::move(problem)) {}

  Status run() {
    VIBRATO_RETURN_IF_ERROR(build());
    for (const double share : arguments_.shares) {
      VIBRATO_ASSIGN_OR_RETURN(Workload workload, make_workload(share, false));
      measure(workload);
      if (arguments_.near_filters && share < 1) {
        VIBRATO_ASSIGN_OR_RETURN(workload, make_workload(share, true));
        measure(workload);
      }
    }
    return ok_status();
  }

 private:
  Status build() {
    vector::CollectionSettings settings;
    settings.dim = static_cast<std::uint32_t>(problem_.base.dim);
    settings.metric = problem_.metric;
    settings.ef_construction = 200;
    VIBRATO_ASSIGN_OR_RETURN(const auto writer, vector::SegmentFileWriter::create(files_, folder_.path(), "rows.vdb",
                                                                                  CollectionNumber(1), settings));
    for (std::uint64_t row = 0; row < problem_.base.rows; ++row) {
      VIBRATO_RETURN_IF_ERROR(writer->add({PointIdView(row), Lsn(row + 1), problem_.base.row(row), {}}));
    }
    VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* rows, writer->finish_rows());
    vector::GraphBuildOptions options;
    options.threads = 1;
    const Stopwatch building(TimeKind::kProcessor);
    VIBRATO_ASSIGN_OR_RETURN(const vector::BuiltIndex index, vector::build_index(*rows, options));
    const double build_s = building.seconds();
    const format::GraphView graph = index.graph->view(rows->rows());
    const Stopwatch calibrating(TimeKind::kProcessor);
    VIBRATO_ASSIGN_OR_RETURN(const format::Calibration calibration, vector::calibrate(index.space(*rows), graph));
    const double calibrate_s = calibrating.seconds();
    std::printf("# %u rows, %zu queries: index %.2f s, calibration %.2f s (%.1f %%), %u samples\n", rows->rows(),
                problem_.queries.rows, build_s, calibrate_s, 100 * calibrate_s / build_s, calibration.samples);
    VIBRATO_ASSIGN_OR_RETURN(const catalog::Segment entry, writer->commit(&index, 1));
    VIBRATO_ASSIGN_OR_RETURN(part_, vector::SealedPart::open(files_, folder_.path(), entry, settings));
    return ok_status();
  }

  // Random rows, or those nearest to the first one.
  Result<Workload> make_workload(double share, bool near) {
    Workload workload;
    workload.share = share;
    workload.name = share >= 1 ? "all" : fmt::format("{:g}%{}", share * 100, near ? " near" : "");
    const auto rows = static_cast<std::uint32_t>(problem_.base.rows);
    std::vector<std::uint32_t> members(rows);
    for (std::uint32_t row = 0; row < rows; ++row) members[row] = row;
    if (near) {
      std::vector<float> distances(rows);
      for (std::uint32_t row = 0; row < rows; ++row) distances[row] = part_->distance(problem_.base.row(0).data(), row);
      std::sort(members.begin(), members.end(), [&](auto a, auto b) { return distances[a] < distances[b]; });
      members.resize(static_cast<std::size_t>(share * rows));
      std::sort(members.begin(), members.end());
    } else if (share < 1) {
      workload.bits = vector::draw_share(rows, share, 4711).bits;
      std::erase_if(members, [&](std::uint32_t row) { return (workload.bits[row / 64] >> (row % 64) & 1) == 0; });
    }
    Matrix subset{members.size(), problem_.base.dim, {}};
    for (const std::uint32_t row : members) {
      subset.values.insert(subset.values.end(), problem_.base.row(row).begin(), problem_.base.row(row).end());
    }
    workload.truth =
        exact_truth(subset, problem_.queries, problem_.metric, std::min<std::size_t>(2 * kWidth, members.size()), 2);
    subset_ = std::move(subset);
    ties_ = workload.truth;
    members_ = members;
    if (share < 1) {
      workload.bits.assign((rows + 63) / 64, 0);
      for (const std::uint32_t row : members) workload.bits[row / 64] |= std::uint64_t{1} << (row % 64);
      workload.allowed = filter::RowSet::of(std::move(members), rows);
    }
    return workload;
  }

  // Of all queries.
  Outcome ask(const Search& search, std::uint32_t k) {
    Outcome outcome;
    std::vector<hnsw::Hit> hits;
    std::vector<std::uint32_t> found;
    std::vector<std::uint32_t> right;
    for (std::size_t query = 0; query < problem_.queries.rows; ++query) {
      outcome.distances += static_cast<double>(search(problem_.queries.row(query).data(), hits));
      found.clear();
      for (std::size_t i = 0; i < std::min<std::size_t>(k, hits.size()); ++i) found.push_back(hits[i].row);
      right.clear();
      for (const std::uint32_t member : ties_.right_answers(query)) right.push_back(members_[member]);
      outcome.recall += recall_of(found, right, k);
    }
    outcome.recall /= static_cast<double>(problem_.queries.rows);
    outcome.distances /= static_cast<double>(problem_.queries.rows);
    return outcome;
  }

  vector::SegmentQuery query_of(const Workload& workload, std::uint32_t k) const {
    vector::SegmentQuery query;
    query.k = k;
    query.allowed = workload.allowed ? &*workload.allowed : nullptr;
    query.visible = Lsn(problem_.base.rows + 1);
    return query;
  }

  std::uint64_t by_part(vector::SegmentQuery query, const float* vector, std::vector<hnsw::Hit>& hits) {
    vector::SegmentStats stats;
    query.vector = vector;
    if (!part_->search(query, scratch_, hits, &stats).ok()) hits.clear();
    plan_ = stats.plan;
    return stats.distances;
  }

  std::uint64_t by_slack(const Workload& workload, std::uint32_t k, float slack, const float* vector,
                         std::vector<hnsw::Hit>& hits) {
    constexpr std::uint32_t kCap = 2048;
    const vector::SealedSegment& rows = part_->rows();
    hnsw::SearchStats stats;
    if (!workload.allowed) {
      hnsw::SearchParams params;
      params.k = k;
      params.ef = kCap;
      params.slack = slack;
      hnsw::search(simd::kernels(), rows.graph(), rows.space(), vector, params, scratch_, hits, &stats);
    } else {
      hnsw::AllowedParams params;
      params.k = k;
      params.ef = kCap;
      params.slack = slack;
      params.allowed = workload.bits;
      static_cast<void>(
          hnsw::search_allowed(simd::kernels(), rows.graph(), rows.space(), vector, params, scratch_, hits, &stats));
    }
    return std::uint64_t{stats.walk.distances} + stats.rescored;
  }

  // Distances where the frontier of outcomes passes a recall: log(distances) is linear between two of them.
  static std::optional<double> cost_at(std::vector<Outcome> outcomes, double recall) {
    std::vector<Point> points;
    for (const Outcome& one : outcomes) points.push_back({one.recall, 1e9 / one.distances});
    const auto speed = speed_at(points, recall);
    return speed ? std::optional(1e9 / speed->qps) : std::nullopt;
  }

  void measure(const Workload& workload) {
    std::printf("%-10s %4s %7s %8s %10s %8s | %9s %9s %7s %7s  plan\n", "rows", "k", "target", "recall", "distances",
                "missed", "fixed ef", "slack", "at tgt", "at rec");
    for (const std::uint32_t k : arguments_.ks) {
      mark_ties(ties_, subset_, problem_.queries, problem_.metric, k);
      std::vector<Outcome> by_ef;
      std::vector<Outcome> by_slack_alone;
      for (double ef = k; ef < 2048; ef = std::max(ef + 1, ef * 1.1)) {
        vector::SegmentQuery query = query_of(workload, k);
        query.ef = static_cast<std::uint32_t>(ef);
        by_ef.push_back(ask([&](const float* vector, auto& hits) { return by_part(query, vector, hits); }, k));
        if (by_ef.back().recall > 0.9975) break;
      }
      for (float slack = 0; slack < 8; slack = slack * 1.1F + 0.004F) {
        by_slack_alone.push_back(
            ask([&](const float* vector, auto& hits) { return by_slack(workload, k, slack, vector, hits); }, k));
        if (by_slack_alone.back().recall > 0.9975) break;
      }
      for (const float target : arguments_.targets) print(workload, k, target, by_ef, by_slack_alone);
    }
  }

  void print(const Workload& workload, std::uint32_t k, float target, const std::vector<Outcome>& by_ef,
             const std::vector<Outcome>& by_slack_alone) {
    vector::SegmentQuery query = query_of(workload, k);
    query.recall = vector::RecallTarget{target, k};
    const Outcome reached = ask([&](const float* vector, auto& hits) { return by_part(query, vector, hits); }, k);
    const auto best_at = [&](double recall) {
      const double inf = std::numeric_limits<double>::infinity();
      return std::min(cost_at(by_ef, recall).value_or(inf), cost_at(by_slack_alone, recall).value_or(inf));
    };
    const auto text = [](std::optional<double> cost) { return cost ? fmt::format("{:.0f}", *cost) : std::string("-"); };
    const auto share = static_cast<double>(workload.allowed ? workload.allowed->size() : problem_.base.rows) /
                       static_cast<double>(problem_.base.rows);
    const vector::WalkRule rule = vector::rule_for(part_->rows().calibration(), *query.recall, share);
    std::printf("%-10s %4u %7.3f %8.4f %10.0f %+8.4f | %9s %9s %7.3f %7.3f  %s slack %.3g reach %u\n",
                workload.name.c_str(), k, target, reached.recall, reached.distances, reached.recall - target,
                text(cost_at(by_ef, target)).c_str(), text(cost_at(by_slack_alone, target)).c_str(),
                reached.distances / best_at(target), reached.distances / best_at(reached.recall),
                std::string(plan_).c_str(), rule.slack, rule.reach);
    std::fflush(stdout);
  }

  const Arguments& arguments_;
  SearchProblem problem_;
  io::RealFileSystem files_;
  BenchFolder folder_;
  std::shared_ptr<vector::SealedPart> part_;
  Matrix subset_;
  Truth ties_;  // Of the subset, by its own row numbers.
  std::vector<std::uint32_t> members_;
  hnsw::SearchScratch scratch_;
  std::string_view plan_;
};

}  // namespace

Status run(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(SearchProblem problem, load_problem(arguments.files, 10));
  return Bench(arguments, std::move(problem)).run();
}

}  // namespace vibrato::bench

int main(int argc, char** argv) {
  CLI::App app{"Searches by recall target beside the best fixed settings"};
  vibrato::bench::Arguments arguments;
  add_options(app, arguments.files);
  app.add_option("--k", arguments.ks);
  app.add_option("--targets", arguments.targets);
  app.add_option("--shares", arguments.shares, "Of the rows, that filters allow; 1: no filter");
  app.add_flag("--near", arguments.near_filters, "Filters of the rows nearest to one as well");
  CLI11_PARSE(app, argc, argv);
  const vibrato::Status status = vibrato::bench::run(arguments);
  if (!status.ok()) {
    std::fprintf(stderr, "recall_bench: %s\n", status.message().c_str());
    return 1;
  }
  return 0;
}
