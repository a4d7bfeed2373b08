// batch_bench: searches over HTTP, one a call and many a call, beside the same searches through Collection::search on
// one thread of this process, in the same data folder. By processor time of the server (user and system) and of the
// thread, which other programs on the machine disturb less: QPS, and the ratio to the searches in process.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <sched.h>
#include <string>
#include <thread>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "data_files.hpp"
#include "engine/database.hpp"
#include "http_connection.hpp"
#include "io/real_file_system.hpp"
#include "server_process.hpp"
#include "stopwatch.hpp"
#include "vector/collection.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

constexpr const char* kCollection = "c";
constexpr std::size_t kRowsPerWrite = 1000;

struct Arguments {
  std::string vibratod = "build/release/src/app/vibratod";
  std::string base;
  std::string queries;
  std::string metric = "cosine";
  std::string folder;
  std::uint32_t batch = 32;
  std::uint32_t k = 10;
  std::uint32_t query_threads = 1;
  unsigned repeat = 3;
  double seconds = 3;
};

// Children inherit it.
void stay_on_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

std::string base64(std::span<const float> row) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(row.size_bytes(), '\0');
  std::memcpy(bytes.data(), row.data(), row.size_bytes());
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      word = word << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[word >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

using WriteVector = std::function<std::string(std::span<const float>)>;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += text.empty() ? "" : ",";
    text += part;
  }
  return text;
}

std::string as_numbers(std::span<const float> row) {
  std::vector<std::string> numbers;
  for (const float number : row) {
    numbers.push_back(fmt::format("{}", number));
  }
  return fmt::format("\"vector\":[{}]", joined(numbers));
}
std::string as_base64(std::span<const float> row) {
  return fmt::format("\"vector_b64\":\"{}\"", base64(row));
}

Result<std::string> ask(HttpConnection& to, const std::string& request) {
  VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(request));
  return status == 200 ? Result<std::string>(std::string(to.body()))
                       : io_error(fmt::format("{}: {}", status, to.body().substr(0, 300)));
}

// It listens before it has replayed its log.
Status wait_until_ready(HttpConnection& to) {
  const std::string request = HttpConnection::request("GET", "/v1/health/ready", "", "");
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(request));
    if (status == 200) {
      return ok_status();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Status fill(HttpConnection& to, const std::string& key, const Arguments& arguments, const Matrix& base) {
  const std::string path = fmt::format("/v1/vector/{}", kCollection);
  const auto post = [&](const std::string& route, const std::string& body) {
    return ask(to, HttpConnection::request("POST", route, key, body)).status();
  };
  VIBRATO_RETURN_IF_ERROR(post(path, fmt::format(R"({{"dim":{},"metric":"{}"}})", base.dim, arguments.metric)));
  for (std::size_t first = 0; first < base.rows; first += kRowsPerWrite) {
    std::string items;
    for (std::size_t row = first; row < std::min(first + kRowsPerWrite, base.rows); ++row) {
      items += fmt::format(R"({}{{"id":{},{}}})", items.empty() ? "" : ",", row, as_base64(base.row(row)));
    }
    VIBRATO_RETURN_IF_ERROR(post(path + "/upsert_batch", "{\"items\":[" + items + "]}"));
  }
  return post(path + "/optimize", "{}");
}

std::vector<std::string> requests_of(const Arguments& arguments, const std::string& key, const Matrix& queries,
                                     std::uint32_t batch, const WriteVector& write) {
  std::vector<std::string> requests;
  const std::string path = fmt::format("/v1/vector/{}/{}", kCollection, batch == 0 ? "search" : "search_batch");
  const std::uint32_t of_one = std::max(batch, 1U);
  for (std::size_t first = 0; first + of_one <= queries.rows; first += of_one) {
    std::vector<std::string> searches;
    for (std::size_t i = first; i < first + of_one; ++i) {
      searches.push_back(fmt::format(R"({{{},"k":{}}})", write(queries.row(i)), arguments.k));
    }
    requests.push_back(HttpConnection::request(
        "POST", path, key, batch == 0 ? searches[0] : fmt::format("{{\"searches\":[{}]}}", joined(searches))));
  }
  return requests;
}

// Microseconds of processor time of the server a search.
Result<double> time_requests(const ServerProcess& server, HttpConnection& to, const std::vector<std::string>& requests,
                             std::uint32_t of_one, double seconds) {
  const double begin = server.processor_seconds();
  const Stopwatch watch(TimeKind::kWall);
  std::uint64_t searches = 0;
  while (watch.seconds() < seconds) {
    for (const std::string& request : requests) {
      VIBRATO_RETURN_IF_ERROR(ask(to, request).status());
      searches += of_one;
    }
  }
  return (server.processor_seconds() - begin) * 1e6 / static_cast<double>(searches);
}

Result<double> time_in_process(const Arguments& arguments, const Matrix& queries) {
  io::RealFileSystem fs;
  const SystemClock clock;
  const Logger logger(LogLevel::kOff);
  MetricsRegistry metrics;
  engine::DatabaseOptions options;
  options.data_folder = arguments.folder;
  VIBRATO_ASSIGN_OR_RETURN(const auto database, engine::Database::open(fs, options, clock, logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database->vectors().find(kCollection));
  std::uint64_t searches = 0;
  double processor = 0;
  for (const Stopwatch watch(TimeKind::kWall); watch.seconds() < arguments.seconds;) {
    const Stopwatch busy(TimeKind::kProcessor);
    for (std::size_t i = 0; i < queries.rows; ++i) {
      vector::SearchRequest request;
      request.vector = queries.row(i);
      request.k = arguments.k;
      VIBRATO_RETURN_IF_ERROR(collection->search(request).status());
    }
    // What was read for the first time does not count.
    processor += searches == 0 ? 0 : busy.seconds();
    searches += queries.rows;
  }
  database->stop();
  return processor * 1e6 / static_cast<double>(searches - queries.rows);
}

struct Way {
  const char* name;
  std::uint32_t batch;  // 0: one search a call.
  WriteVector write;
};

Status run_once(const Arguments& arguments, const Matrix& base, const Matrix& queries, std::string& key) {
  const std::vector<Way> ways = {{"search, numbers", 0, as_numbers},
                                 {"search, base64", 0, as_base64},
                                 {"batch, numbers", arguments.batch, as_numbers},
                                 {"batch, base64", arguments.batch, as_base64}};
  const bool is_new = key.empty();
  stay_on_core(0);
  VIBRATO_ASSIGN_OR_RETURN(
      ServerProcess server,
      ServerProcess::start(arguments.vibratod, arguments.folder,
                           {"--threads", "1", "--query-threads", std::to_string(arguments.query_threads)}, key));
  stay_on_core(1);
  key = server.key();
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection connection, HttpConnection::open(server.port()));
  VIBRATO_RETURN_IF_ERROR(wait_until_ready(connection));
  if (is_new) {
    VIBRATO_RETURN_IF_ERROR(fill(connection, key, arguments, base));
  }
  std::vector<double> times;
  for (const Way& way : ways) {
    const auto requests = requests_of(arguments, key, queries, way.batch, way.write);
    VIBRATO_RETURN_IF_ERROR(ask(connection, requests[0]).status());
    VIBRATO_ASSIGN_OR_RETURN(const double us,
                             time_requests(server, connection, requests, std::max(way.batch, 1U), arguments.seconds));
    times.push_back(us);
  }
  server.end(SIGTERM);
  stay_on_core(0);
  VIBRATO_ASSIGN_OR_RETURN(const double alone, time_in_process(arguments, queries));
  fmt::print("in process {:.1f} us", alone);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    fmt::print("; {} {:.1f} us, {:.3f}x", ways[i].name, times[i], alone / times[i]);
  }
  fmt::print("\n");
  std::fflush(stdout);
  return ok_status();
}

Status run(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const Matrix base, load_matrix(arguments.base, 0));
  VIBRATO_ASSIGN_OR_RETURN(const Matrix queries, load_matrix(arguments.queries, 0));
  std::string key;
  for (unsigned i = 0; i < arguments.repeat; ++i) {
    VIBRATO_RETURN_IF_ERROR(run_once(arguments, base, queries, key));
  }
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Searches over HTTP beside the same searches in process.");
  app.add_option("--vibratod", arguments.vibratod, "the server's binary")->capture_default_str();
  app.add_option("--base", arguments.base, "rows (.npy, .fvecs, .bvecs)")->required();
  app.add_option("--queries", arguments.queries, "queries, the same")->required();
  app.add_option("--metric", arguments.metric)->capture_default_str();
  app.add_option("--folder", arguments.folder, "an empty folder for the data")->required();
  app.add_option("--batch", arguments.batch, "searches a call")->capture_default_str();
  app.add_option("-k", arguments.k)->capture_default_str();
  app.add_option("--query-threads", arguments.query_threads, "of the server")->capture_default_str();
  app.add_option("--repeat", arguments.repeat)->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "for each figure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const Status status = run(arguments);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.message());
  }
  return status.ok() ? 0 : 1;
}
