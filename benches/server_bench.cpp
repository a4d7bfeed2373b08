// The whole server from outside: what a client sees of `vibratod serve-v2` on the same machine, over HTTP and JSON.
//
//   server_bench --binary build/release/src/app/vibratod burst      500,000 rows in batches by 8 clients
//   server_bench --binary ... sustained                             1,000,000 rows at a rate, then idle; segments, p99
//   server_bench --binary ... single                                single-row upserts by 32 clients
//   server_bench --binary ... restart                               time to the first right answer, anonymous memory
// Every search asks for a row that is known to be acknowledged, by its own vector, and counts as wrong unless it comes
// first. Rows are made (made_descriptors.hpp), 128-d, l2.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "http_connection.hpp"
#include "made_descriptors.hpp"
#include "server_process.hpp"

namespace vibrato::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kDim = 128;
constexpr std::string_view kPath = "/v1/vector/bench";

struct Settings {
  std::string binary;
  std::string folder;
  std::uint64_t rows = 0;
  std::uint64_t batch = 256;
  std::uint32_t clients = 8;
  double rate = 0;  // Rows a second; 0: as fast as it goes.
  std::uint32_t seconds = 10;
  std::uint64_t tail = 500'000;  // Rows that only the log holds when the server is killed.
  std::vector<std::string> flags;
};

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "server_bench: %s\n", result.status().message().c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

double quantile_ms(std::vector<double>& seconds, double share) {
  if (seconds.empty()) {
    return 0;
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))] * 1e3;
}

std::uint64_t number_in(const std::string& json, const std::string& field) {
  const std::size_t at = json.find('"' + field + "\":");
  if (at == std::string::npos) {
    std::fprintf(stderr, "server_bench: no %s in %s\n", field.c_str(), json.c_str());
    std::exit(1);
  }
  return std::strtoull(json.c_str() + at + field.size() + 3, nullptr, 10);
}

// A server with the bench's collection, and the requests of this bench to it.
class Bench {
 public:
  explicit Bench(const Settings& settings) : settings_(settings), rows_(kDim, 7), server_(start("")) {}

  [[nodiscard]] ServerProcess start(const std::string& key) const {
    return must(ServerProcess::start(settings_.binary, settings_.folder, settings_.flags, key));
  }
  void restart(int signal_number) {
    const std::string key = server_.key();
    server_.end(signal_number);
    server_.~ServerProcess();
    new (&server_) ServerProcess(start(key));
  }
  [[nodiscard]] ServerProcess& server() { return server_; }
  [[nodiscard]] const MadeDescriptors& rows() const { return rows_; }
  [[nodiscard]] HttpConnection connect() const { return must(HttpConnection::open(server_.port())); }

  [[nodiscard]] std::string request(std::string_view method, const std::string& path, std::string_view body) const {
    return HttpConnection::request(method, path, server_.key(), body);
  }
  void create_collection() const {
    wait_until_ready();
    HttpConnection connection = connect();
    const int status = must(connection.ask(request("POST", std::string(kPath), R"({"dim":128,"metric":"l2"})")));
    if (status != 200) {
      std::fprintf(stderr, "server_bench: create: %d %s\n", status, std::string(connection.body()).c_str());
      std::exit(1);
    }
  }
  void wait_until_ready() const {
    HttpConnection connection = connect();
    const std::string ready = HttpConnection::request("GET", "/v1/health/ready", "", "");
    while (must(connection.ask(ready)) != 200) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // True if the row comes first.
  [[nodiscard]] bool find_row(HttpConnection& connection, std::uint64_t row) const {
    std::string body = R"({"k":10,"vector":)";
    rows_.append_json(row, body);
    body.push_back('}');
    const int status = must(connection.ask(request("POST", std::string(kPath) + "/search", body)));
    return status == 200 && connection.body().starts_with(R"({"hits":[{"id":)" + std::to_string(row) + ",");
  }
  [[nodiscard]] std::string info(const std::string& path = std::string(kPath)) const {
    HttpConnection connection = connect();
    (void)must(connection.ask(request("GET", path, "")));
    return std::string(connection.body());
  }
  [[nodiscard]] std::uint64_t info_number(const std::string& field) const { return number_in(info(), field); }
  // Rows that no file holds yet.
  [[nodiscard]] std::uint64_t hot_rows() const { return number_in(info("/v1/admin/stats"), "hot_rows"); }
  // Seals all rows; returns how long that took, in seconds.
  [[nodiscard]] double checkpoint() const {
    const auto begin = SteadyClock::now();
    HttpConnection connection = connect();
    (void)must(connection.ask(request("POST", "/v1/admin/checkpoint", "{}")));
    while (hot_rows() != 0 && seconds_since(begin) < 900) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return seconds_since(begin);
  }

 private:
  const Settings& settings_;
  MadeDescriptors rows_;
  ServerProcess server_;
};

// Searches for acknowledged rows until it is told to stop.
struct Searcher {
  std::vector<double> seconds;
  std::uint64_t wrong = 0;

  void run(const Bench& bench, const std::atomic<std::uint64_t>& acknowledged, const std::atomic<bool>& stop,
           double pause_seconds) {
    HttpConnection connection = bench.connect();
    std::uint64_t draw = 1;
    while (!stop.load()) {
      const std::uint64_t rows = acknowledged.load();
      if (rows != 0) {
        draw = draw * 6364136223846793005U + 1442695040888963407U;
        const auto begin = SteadyClock::now();
        wrong += bench.find_row(connection, (draw >> 33) % rows) ? 0 : 1;
        seconds.push_back(seconds_since(begin));
      }
      std::this_thread::sleep_for(std::chrono::duration<double>(pause_seconds));
    }
  }
  void print(const char* when) {
    std::printf("searches %s: %zu, %llu wrong, p50 %.2f ms, p99 %.2f ms\n", when, seconds.size(),
                static_cast<unsigned long long>(wrong), quantile_ms(seconds, 0.5), quantile_ms(seconds, 0.99));
  }
};

struct Ingested {
  double seconds = 0;
  std::uint64_t refused = 0;  // Batches that were answered 429 and sent again.
};

// Sends rows [first, end) in batches; bodies are made ahead. Rows below `acknowledged` have been answered.
Ingested ingest(const Bench& bench, const Settings& settings, std::uint64_t first, std::uint64_t end,
                std::atomic<std::uint64_t>& acknowledged) {
  const std::uint64_t batches = (end - first + settings.batch - 1) / settings.batch;
  std::vector<std::string> requests(settings.rate > 0 ? 0 : batches);
  const auto make = [&](std::uint64_t i) {
    const std::uint64_t begin = first + i * settings.batch;
    return bench.request("POST", std::string(kPath) + "/upsert_batch",
                         bench.rows().batch_body(begin, std::min(begin + settings.batch, end)));
  };
  for (std::uint64_t i = 0; i < requests.size(); ++i) {
    requests[i] = make(i);
  }
  std::vector<std::atomic<bool>> done(batches);
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> refused{0};
  const auto begin = SteadyClock::now();
  std::vector<std::thread> clients;
  for (std::uint32_t c = 0; c < settings.clients; ++c) {
    clients.emplace_back([&] {
      HttpConnection connection = bench.connect();
      for (std::uint64_t i = next++; i < batches; i = next++) {
        if (settings.rate > 0) {
          std::this_thread::sleep_until(
              begin + std::chrono::duration_cast<SteadyClock::duration>(
                          std::chrono::duration<double>(static_cast<double>(i * settings.batch) / settings.rate)));
        }
        const std::string request = requests.empty() ? make(i) : std::move(requests[i]);
        int status = 0;
        while ((status = must(connection.ask(request))) == 429) {
          ++refused;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        if (status != 200) {
          std::fprintf(stderr, "server_bench: %d %s\n", status, std::string(connection.body().substr(0, 500)).c_str());
          std::exit(1);
        }
        done[i] = true;
        while (acknowledged.load() < end) {  // Moves over all batches that are done without a gap.
          std::uint64_t at = acknowledged.load();
          const std::uint64_t batch = (at - first) / settings.batch;
          if (batch >= batches || !done[batch]) {
            break;
          }
          acknowledged.compare_exchange_strong(at, std::min(first + (batch + 1) * settings.batch, end));
        }
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  return {seconds_since(begin), refused.load()};
}

void burst(Bench& bench, const Settings& settings) {
  bench.create_collection();
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> stop{false};
  Searcher searcher;
  std::thread thread([&] { searcher.run(bench, acknowledged, stop, 0.005); });
  const Ingested done = ingest(bench, settings, 0, settings.rows, acknowledged);
  stop = true;
  thread.join();
  std::printf("burst: %llu rows in %.2f s: %.0f rows/s, %llu batches refused and sent again\n",
              static_cast<unsigned long long>(settings.rows), done.seconds,
              static_cast<double>(settings.rows) / done.seconds, static_cast<unsigned long long>(done.refused));
  searcher.print("during the burst");
  std::printf("server: %.1f processor seconds\n", bench.server().processor_seconds());
}

void sustained(Bench& bench, const Settings& settings) {
  bench.create_collection();
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> stop{false};
  Searcher busy;
  std::uint64_t segments_max = 0;
  std::thread search_thread([&] { busy.run(bench, acknowledged, stop, 0.005); });
  std::thread info_thread([&] {
    while (!stop.load()) {
      segments_max = std::max(segments_max, bench.info_number("segments"));
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  });
  const Ingested done = ingest(bench, settings, 0, settings.rows, acknowledged);
  stop = true;
  search_thread.join();
  info_thread.join();
  std::printf(
      "sustained: %llu rows in %.1f s: %.0f rows/s, %llu batches refused and sent again, at most %llu segments\n",
      static_cast<unsigned long long>(settings.rows), done.seconds, static_cast<double>(settings.rows) / done.seconds,
      static_cast<unsigned long long>(done.refused), static_cast<unsigned long long>(segments_max));
  busy.print("while rows came");
  std::printf("all rows sealed %.0f s later\n", bench.checkpoint());
  Searcher idle;
  stop = false;
  std::thread idle_thread([&] { idle.run(bench, acknowledged, stop, 0.005); });
  std::this_thread::sleep_for(std::chrono::seconds(settings.seconds));
  stop = true;
  idle_thread.join();
  idle.print("when idle");
  std::printf("%s\n", bench.info().c_str());
}

void single(Bench& bench, const Settings& settings) {
  bench.create_collection();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::vector<std::string> requests(50'000);
  for (std::uint64_t i = 0; i < requests.size(); ++i) {
    std::string body = R"({"id":)" + std::to_string(i) + R"(,"vector":)";
    bench.rows().append_json(i, body);
    requests[i] = bench.request("POST", std::string(kPath) + "/upsert", body.append("}"));
  }
  const auto begin = SteadyClock::now();
  std::vector<std::thread> clients;
  for (std::uint32_t c = 0; c < settings.clients; ++c) {
    clients.emplace_back([&] {
      HttpConnection connection = bench.connect();
      while (!stop.load()) {
        const int status = must(connection.ask(requests[next++ % requests.size()]));
        acknowledged += status == 200 ? 1 : 0;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(settings.seconds));
  stop = true;
  for (std::thread& client : clients) {
    client.join();
  }
  std::printf("single: %llu durable upserts by %u clients in %.1f s: %.0f a second, %.1f server processor seconds\n",
              static_cast<unsigned long long>(acknowledged.load()), settings.clients, seconds_since(begin),
              static_cast<double>(acknowledged.load()) / seconds_since(begin), bench.server().processor_seconds());
}

// Starts again and asks until the row is found.
void measure_start(Bench& bench, int signal_number, std::uint64_t row, const char* after) {
  const std::uint64_t hot = bench.hot_rows();
  const std::string key = bench.server().key();
  bench.server().end(signal_number);
  const auto begin = SteadyClock::now();
  bench.restart(signal_number);
  HttpConnection connection = bench.connect();
  while (!bench.find_row(connection, row)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double seconds = seconds_since(begin);
  std::printf(
      "restart after %s with %llu rows in the log alone: first right answer after %.0f ms, %.1f MiB anonymous\n", after,
      static_cast<unsigned long long>(hot), seconds * 1e3,
      static_cast<double>(bench.server().anonymous_bytes()) / (1 << 20));
}

void restart(Bench& bench, const Settings& settings) {
  bench.create_collection();
  std::atomic<std::uint64_t> acknowledged{0};
  const std::uint64_t tail = std::min(settings.tail, settings.rows - 1);
  (void)ingest(bench, settings, 0, settings.rows - tail, acknowledged);
  (void)bench.checkpoint();
  measure_start(bench, SIGTERM, 17, "SIGTERM");
  measure_start(bench, SIGTERM, 17, "SIGTERM");
  (void)ingest(bench, settings, settings.rows - tail, settings.rows, acknowledged);
  measure_start(bench, SIGKILL, settings.rows - 17, "kill -9");
  const double seconds = bench.checkpoint();
  std::this_thread::sleep_for(std::chrono::seconds(2));  // The server looks once a second for memory to give back.
  std::printf("these rows are sealed %.0f s after that: %.1f MiB anonymous; raw vectors: %.1f MiB\n", seconds,
              static_cast<double>(bench.server().anonymous_bytes()) / (1 << 20),
              static_cast<double>(settings.rows * kDim * 4) / (1 << 20));
}

void add_scenario(CLI::App& app, Settings& settings, const char* name, const char* help, const Settings& defaults,
                  void (*run)(Bench&, const Settings&)) {
  CLI::App* scenario = app.add_subcommand(name, help);
  scenario->add_option("--rows", settings.rows);
  scenario->add_option("--batch", settings.batch);
  scenario->add_option("--clients", settings.clients);
  scenario->add_option("--rate", settings.rate, "rows a second; 0: as fast as it goes");
  scenario->add_option("--seconds", settings.seconds);
  scenario->add_option("--tail", settings.tail, "restart: rows that only the log holds at the kill");
  scenario->preparse_callback([&settings, defaults](std::size_t) {
    settings.rows = defaults.rows;
    settings.clients = defaults.clients;
    settings.rate = defaults.rate;
  });
  scenario->callback([&settings, run] {
    std::filesystem::remove_all(settings.folder);
    {
      Bench bench(settings);
      run(bench, settings);
    }
    std::filesystem::remove_all(settings.folder);
  });
}

}  // namespace
}  // namespace vibrato::bench

int main(int argc, char** argv) {
  using vibrato::bench::Settings;
  Settings settings;
  CLI::App app("The server from outside");
  app.require_subcommand(1);
  app.add_option("--binary", settings.binary, "vibratod")->required();
  settings.folder = (std::filesystem::temp_directory_path() / "vibrato_server_bench").string();
  app.add_option("--folder", settings.folder, "data folder; it is emptied")->capture_default_str();
  app.add_option("--server-flag", settings.flags, "a flag of serve-v2, as `--flag=value`; may come more than once");
  Settings defaults;
  defaults.rows = 500'000;
  add_scenario(app, settings, "burst", "batches as fast as they go, and searches beside them", defaults,
               vibrato::bench::burst);
  defaults.rows = 1'000'000;
  defaults.rate = 3'500;
  add_scenario(app, settings, "sustained", "a million rows at a rate, and searches beside them", defaults,
               vibrato::bench::sustained);
  defaults.rate = 0;
  add_scenario(app, settings, "restart", "time to the first right answer", defaults, vibrato::bench::restart);
  defaults.clients = 32;
  add_scenario(app, settings, "single", "single-row upserts", defaults, vibrato::bench::single);
  CLI11_PARSE(app, argc, argv);
  return 0;
}
