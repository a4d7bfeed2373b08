// filters_bench: searches with filters, through Collection::search as a request does, beside an exact search with the
// same filter, a bare exact scan of the allowed rows by the same kernels, and hnswlib with a filter functor over a
// bitmap at equal recall. All take turns in one run. Filters that are known were evaluated before and come from the
// cache, as hnswlib's bitmap was made before; new ones, and those of exact searches, are evaluated on the meta index
// each time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <simdjson.h>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "filter/parse_filter.hpp"
#include "filter_cases.hpp"
#include "filter_peer.hpp"
#include "frontier.hpp"
#include "hnsw/row_space.hpp"
#include "io/real_file_system.hpp"
#include "measure.hpp"
#include "sealed_collection.hpp"
#include "search_problem.hpp"
#include "simd/kernels.hpp"
#include "stopwatch.hpp"
#include "vector/collection.hpp"
#include "vector/flat_scan.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

constexpr std::array<std::uint32_t, 18> kPeerEfs = {10,  14,  20,  28,  40,  56,   80,   112,  160,
                                                    224, 320, 448, 640, 900, 1280, 1800, 2560, 5120};
constexpr std::uint32_t kTiesSeen = 22;  // Rows beyond the k-th that are looked at for ties with it.
constexpr double kPassSecondsMin = 0.05;

struct Arguments {
  ProblemFiles files;
  std::string folder;
  std::string meta;
  std::string query_meta;
  std::string label_key = "section";
  std::string number_key = "size";
  std::vector<std::string> kinds = {"random", "near", "far"};
  std::vector<double> shares = {0.001, 0.01, 0.1, 0.5, 0.9};
  std::vector<std::string> filters;
  std::uint32_t made_labels = 64;
  std::uint32_t k = 10;
  std::uint32_t ef = 0;
  std::uint32_t queries = 300;
  unsigned repeat = 3;
  bool no_peer = false;
  bool processor_time = false;
  bool fastest = false;
};

// What all contenders search.
struct Field {
  const Arguments& arguments;
  const SearchProblem& problem;
  const vector::Collection& known;  // Keeps what filters were evaluated to.
  const vector::Collection& fresh;  // Does not.
  FilterPeer* peer;                 // May be null.
  hnsw::RowSpace plain;
};

struct Truth {
  std::vector<std::vector<std::uint32_t>> right;  // Of each query: the k nearest allowed rows and what ties with them.
  std::vector<std::size_t> wanted;                // min(k, allowed).
};

// One case, ready to be searched.
class Searched {
 public:
  Searched(const Field& field, const FilterCase& one) : field_(field), case_(one), query_count_(query_count()) {
    simdjson::dom::parser parser;
    for (const BenchFilter& filter : one.filters) {
      vector::SearchRequest& request = requests_.emplace_back();
      request.k = field.arguments.k;
      request.ef = field.arguments.ef;
      request.filter = *filter::parse_filter(parser.parse(filter.json));
      std::vector<std::uint64_t>& words = bits_.emplace_back((field.problem.base.rows + 63) / 64);
      for (const std::uint32_t row : filter.rows) words[row / 64] |= std::uint64_t{1} << (row % 64);
    }
    find_truth();
  }

  void own(std::size_t q, std::vector<std::uint32_t>& found, bool is_known, bool exact = false,
           std::string* plan = nullptr, std::uint64_t* distances = nullptr) {
    vector::SearchRequest& request = requests_[case_.of_queries[q]];
    request.vector = field_.problem.queries.row(q);
    request.exact = exact;
    const vector::Collection& collection = is_known ? field_.known : field_.fresh;
    const auto answer = collection.search(request, plan != nullptr);
    found.clear();
    for (const vector::PointHit& hit : answer->hits) found.push_back(static_cast<std::uint32_t>(hit.id.number));
    if (plan != nullptr) {
      *plan = answer->explain[0].stats.plan;
      *distances = answer->explain[0].stats.distances;
      check_rows(q, *answer->explain[0].estimated);
    }
  }
  void bare(std::size_t q, std::vector<std::uint32_t>& found, std::uint32_t k) {
    vector::scan_listed_rows(simd::kernels(), field_.plain, field_.problem.queries.row(q).data(),
                             case_.filters[case_.of_queries[q]].rows, k, scratch_, hits_);
    found.clear();
    for (const hnsw::Hit& hit : hits_) found.push_back(hit.row);
  }
  void peer(std::size_t q, std::vector<std::uint32_t>& found) const {
    found.resize(field_.arguments.k);
    found.resize(field_.peer->search(field_.problem.queries.row(q), bits_[case_.of_queries[q]], found));
  }

  [[nodiscard]] double recall_of_query(std::size_t q, const std::vector<std::uint32_t>& found) const {
    const std::size_t wanted = truth_.wanted[q];
    return wanted == 0 ? 1 : recall_of(found, truth_.right[q], wanted);
  }
  [[nodiscard]] std::size_t queries() const { return query_count_; }
  [[nodiscard]] std::size_t wanted(std::size_t q) const { return truth_.wanted[q]; }
  [[nodiscard]] double mean_share() const {
    double rows = 0;
    for (std::size_t q = 0; q < query_count_; ++q) {
      rows += static_cast<double>(case_.filters[case_.of_queries[q]].rows.size());
    }
    return rows / static_cast<double>(query_count_ * field_.problem.base.rows);
  }

 private:
  [[nodiscard]] std::size_t query_count() const {
    return std::min<std::size_t>(field_.arguments.queries, field_.problem.queries.rows);
  }

  void check_rows(std::size_t q, std::uint32_t matching) const {
    const BenchFilter& filter = case_.filters[case_.of_queries[q]];
    if (matching != filter.rows.size()) {
      fmt::print(stderr, "filters_bench: {} matches {} rows in place of {}\n", filter.json, matching,
                 filter.rows.size());
      std::exit(1);
    }
  }

  void find_truth() {
    const std::uint32_t k = field_.arguments.k;
    std::vector<std::uint32_t> found;
    for (std::size_t q = 0; q < query_count_; ++q) {
      bare(q, found, k + kTiesSeen);
      const std::size_t wanted = std::min<std::size_t>(k, hits_.size());
      std::vector<std::uint32_t>& right = truth_.right.emplace_back();
      const float last = wanted == 0 ? 0 : hits_[wanted - 1].distance;
      for (const hnsw::Hit& hit : hits_) {
        if (hit.distance <= last + 1e-6F * std::abs(last) + 1e-7F) right.push_back(hit.row);
      }
      truth_.wanted.push_back(wanted);
    }
  }

  const Field& field_;
  const FilterCase& case_;
  const std::size_t query_count_;
  std::vector<vector::SearchRequest> requests_;
  std::vector<std::vector<std::uint64_t>> bits_;
  Truth truth_;
  vector::ScanScratch scratch_;
  std::vector<hnsw::Hit> hits_;
};

// How fast a contender is.
class Speed {
 public:
  // Goes through all queries until the time is long enough to be measured.
  template <typename Search>
  void measure(std::size_t queries, TimeKind kind, const Search& search) {
    const Stopwatch watch(kind);
    std::vector<std::uint32_t> found;
    std::size_t done = 0;
    double seconds = 0;
    while (seconds < kPassSecondsMin) {
      for (std::size_t q = 0; q < queries; ++q) search(q, found);
      done += queries;
      seconds = watch.seconds();
    }
    qps_.push_back(static_cast<double>(done) / seconds);
  }
  // Goes through them twice, as the contender before had the caches, and keeps the fastest time of each query.
  template <typename Search>
  void measure_each(std::size_t queries, TimeKind kind, const Search& search) {
    fastest_.resize(queries, std::numeric_limits<double>::infinity());
    std::vector<std::uint32_t> found;
    for (int times = 0; times < 2; ++times) {
      for (std::size_t q = 0; q < queries; ++q) {
        const Stopwatch watch(kind);
        search(q, found);
        fastest_[q] = std::min(fastest_[q], watch.seconds());
      }
    }
  }
  [[nodiscard]] double qps() {
    if (fastest_.empty()) return quantile(qps_, 0.5);
    return static_cast<double>(fastest_.size()) / std::accumulate(fastest_.begin(), fastest_.end(), 0.0);
  }

 private:
  std::vector<double> qps_;
  std::vector<double> fastest_;
};

struct Figures {
  double recall = 0;
  double distances = 0;
  std::map<std::string, std::size_t> plans;
  Speed known;
  Speed fresh;
  Speed exact;
  Speed bare;
  std::map<std::uint32_t, double> peer_recall;
  std::map<std::uint32_t, Speed> peer;
};

void measure_own_answers(Searched& searched, Figures& figures) {
  std::vector<std::uint32_t> found;
  std::string plan;
  std::uint64_t distances = 0;
  for (std::size_t q = 0; q < searched.queries(); ++q) {
    searched.own(q, found, true);  // A filter is kept when it comes again.
    searched.own(q, found, true);
    searched.own(q, found, true, false, &plan, &distances);
    if (found.size() != searched.wanted(q)) {
      fmt::print(stderr, "filters_bench: {} hits in place of {}\n", found.size(), searched.wanted(q));
      std::exit(1);
    }
    figures.recall += searched.recall_of_query(q, found);
    figures.distances += static_cast<double>(distances);
    ++figures.plans[plan];
  }
  figures.recall /= static_cast<double>(searched.queries());
  figures.distances /= static_cast<double>(searched.queries());
}

// Up to the first effort that reaches our recall; keeps the two around it.
void measure_peer_answers(Searched& searched, FilterPeer& peer, Figures& figures) {
  std::vector<std::uint32_t> found;
  for (const std::uint32_t ef : kPeerEfs) {
    peer.set_ef(ef);
    double recall = 0;
    for (std::size_t q = 0; q < searched.queries(); ++q) {
      searched.peer(q, found);
      recall += searched.recall_of_query(q, found);
    }
    recall /= static_cast<double>(searched.queries());
    figures.peer_recall[ef] = recall;
    if (figures.peer_recall.size() > 2) figures.peer_recall.erase(figures.peer_recall.begin());
    if (recall >= figures.recall) break;
  }
}

void print_figures(const std::string& name, const Searched& searched, Figures& figures) {
  const double known = figures.known.qps();
  const double fresh = figures.fresh.qps();
  const double exact = figures.exact.qps();
  const double bare = figures.bare.qps();
  std::string plans;
  for (const auto& [plan, count] : figures.plans) {
    plans += fmt::format("{}{} {:.0f}%", plans.empty() ? "" : ", ", plan,
                         100.0 * static_cast<double>(count) / static_cast<double>(searched.queries()));
  }
  std::vector<Point> points;
  for (auto& [ef, speed] : figures.peer) points.push_back({figures.peer_recall[ef], speed.qps()});
  std::string peer = "-";
  if (!points.empty()) {
    if (const auto at = speed_at(frontier(points), figures.recall)) {
      peer = fmt::format("{:.0f} {:.1f}x {:.1f}x", at->qps, known / at->qps, fresh / at->qps);
    } else {
      const Point& last = points.back();
      peer =
          fmt::format("{:.0f} at {:.4f} {:.1f}x+ {:.1f}x+", last.qps, last.recall, known / last.qps, fresh / last.qps);
    }
  }
  fmt::print(
      "{:<8} {:7.3f} % recall {:.4f} QPS known {:6.0f} new {:6.0f} distances {:6.0f} | exact {:6.0f} {:5.2f}x {:5.2f}x "
      "| bare scan {:6.0f} | hnswlib {} | {}\n",
      name.substr(0, 60), 100 * searched.mean_share(), figures.recall, known, fresh, figures.distances, exact,
      known / exact, fresh / exact, bare, peer, plans);
  std::fflush(stdout);
}

void measure_case(const Field& field, const FilterCase& one) {
  Searched searched(field, one);
  const Arguments& arguments = field.arguments;
  const TimeKind time = arguments.processor_time ? TimeKind::kProcessor : TimeKind::kWall;
  Figures figures;
  measure_own_answers(searched, figures);
  if (field.peer != nullptr) measure_peer_answers(searched, *field.peer, figures);
  const auto measure = [&](Speed& speed, const auto& search) {
    if (arguments.fastest) {
      speed.measure_each(searched.queries(), time, search);
    } else {
      speed.measure(searched.queries(), time, search);
    }
  };
  for (unsigned round = 0; round < arguments.repeat; ++round) {
    measure(figures.known, [&](std::size_t q, auto& found) { searched.own(q, found, true); });
    measure(figures.fresh, [&](std::size_t q, auto& found) { searched.own(q, found, false); });
    measure(figures.exact, [&](std::size_t q, auto& found) { searched.own(q, found, false, true); });
    measure(figures.bare, [&](std::size_t q, auto& found) { searched.bare(q, found, arguments.k); });
    for (const auto& [ef, recall] : figures.peer_recall) {
      field.peer->set_ef(ef);
      measure(figures.peer[ef], [&](std::size_t q, auto& found) { searched.peer(q, found); });
    }
  }
  print_figures(one.name, searched, figures);
}

Result<Labelled> labelled_of(const Arguments& arguments, const SearchProblem& problem) {
  if (arguments.meta.empty()) {
    return make_labelled(problem.base, problem.queries, problem.metric, arguments.made_labels);
  }
  VIBRATO_ASSIGN_OR_RETURN(
      Labelled read, read_labelled(arguments.meta, arguments.query_meta, arguments.label_key, arguments.number_key));
  if (read.metas.size() < problem.base.rows || read.of_queries.size() < problem.queries.rows) {
    return invalid_argument("there are more vectors than lines of meta");
  }
  return read;
}

Status run_cases(const Field& field, const Labelled& labelled) {
  const FilterCases cases(labelled, field.problem.base, field.problem.metric);
  const std::map<std::string, FilterKind> kinds{
      {"random", FilterKind::kRandom}, {"near", FilterKind::kNear}, {"far", FilterKind::kFar}};
  for (const double share : field.arguments.shares) {
    for (const std::string& kind : field.arguments.kinds) {
      measure_case(field, cases.make(kinds.at(kind), share));
    }
  }
  for (const std::string& json : field.arguments.filters) {
    VIBRATO_ASSIGN_OR_RETURN(const FilterCase one, cases.of_json(json));
    measure_case(field, one);
  }
  return ok_status();
}

hnsw::RowSpace plain_space(const SearchProblem& problem, std::vector<float>& inverse_norms) {
  hnsw::RowSpace space;
  space.metric = problem.metric;
  space.row_count = static_cast<std::uint32_t>(problem.base.rows);
  space.vectors = {problem.base.values.data(), problem.base.dim, problem.base.dim};
  for (std::size_t row = 0; row < problem.base.rows; ++row) {
    const float norm = simd::kernels().norm_squared(problem.base.row(row).data(), problem.base.dim);
    inverse_norms.push_back(norm > 0 ? 1.0F / std::sqrt(norm) : 0.0F);
  }
  space.inverse_norms = inverse_norms.data();
  return space;
}

Status run(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const SearchProblem problem, load_problem(arguments.files, arguments.k));
  VIBRATO_ASSIGN_OR_RETURN(Labelled labelled, labelled_of(arguments, problem));
  labelled.metas.resize(problem.base.rows);
  labelled.of_rows.resize(problem.base.rows);
  labelled.numbers.resize(problem.base.rows);
  labelled.of_queries.resize(problem.queries.rows);
  io::RealFileSystem fs;
  const BenchFolder folder(arguments.folder);
  std::filesystem::create_directories(folder.path());
  std::vector<std::vector<std::uint32_t>> parts(1, std::vector<std::uint32_t>(problem.base.rows));
  std::iota(parts[0].begin(), parts[0].end(), 0U);
  constexpr std::size_t kCacheBytes = std::size_t{1} << 30;
  const CollectionRows rows{problem.base, problem.metric, labelled.metas};
  VIBRATO_ASSIGN_OR_RETURN(const SealedCollection known,
                           SealedCollection::make(fs, folder.path(), "filters", rows, parts, kCacheBytes));
  VIBRATO_ASSIGN_OR_RETURN(const SealedCollection fresh,
                           SealedCollection::make(fs, folder.path(), "filters", rows, parts));
  const std::unique_ptr<FilterPeer> peer = arguments.no_peer ? nullptr : make_filter_peer();
  if (peer == nullptr) {
    std::printf("without hnswlib%s\n", arguments.no_peer ? "" : ": its filter functor is not part of this build");
  } else {
    VIBRATO_RETURN_IF_ERROR(peer->build(problem.base, problem.metric, folder.path("hnswlib.index")));
  }
  std::vector<float> inverse_norms;
  return run_cases({arguments, problem, *known, *fresh, peer.get(), plain_space(problem, inverse_norms)}, labelled);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Searches with filters beside exact scans and hnswlib with a filter functor");
  add_options(app, arguments.files);
  app.add_option("--meta", arguments.meta, "JSON lines, one a base row; made without it");
  app.add_option("--query-meta", arguments.query_meta, "JSON lines, one a query");
  app.add_option("--label-key", arguments.label_key, "A string of the meta that near and far filters go by");
  app.add_option("--number-key", arguments.number_key, "A number of the meta that random filters go by");
  app.add_option("--kinds", arguments.kinds)->delimiter(',')->check(CLI::IsMember({"random", "near", "far"}));
  app.add_option("--shares", arguments.shares, "Of the rows")->delimiter(',')->check(CLI::Range(0.0, 1.0));
  app.add_option("--filter", arguments.filters, "Also this filter, for all queries");
  app.add_option("--made-labels", arguments.made_labels)->check(CLI::Range(2, 4096));
  app.add_option("-k", arguments.k)->check(CLI::Range(1, 50));
  app.add_option("--ef", arguments.ef, "0: the default of requests")->check(CLI::Range(0, 4096));
  app.add_option("--query-limit", arguments.queries)->check(CLI::PositiveNumber);
  app.add_option("--folder", arguments.folder, "Keeps segment and index there, and takes those of a run before");
  app.add_option("--repeat", arguments.repeat)->check(CLI::PositiveNumber);
  app.add_flag("--no-peer", arguments.no_peer);
  app.add_flag("--processor-time", arguments.processor_time);
  app.add_flag("--fastest", arguments.fastest, "Of each query the fastest of all rounds, in place of median rounds");
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(arguments); !status.ok()) {
    fmt::print(stderr, "filters_bench: {}\n", status.message());
    return 1;
  }
  return 0;
}
