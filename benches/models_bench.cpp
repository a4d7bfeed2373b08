// models_bench: state and documents over HTTP, from outside, on one machine with the client.
//
//   models_bench state [--redis redis-server]   durable puts, and gets of keys that are in the file; redis-server with
//                                               `appendfsync always` in turn with it
//   models_bench documents                      find by a field, the second time and later
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "http_connection.hpp"
#include "request_swarm.hpp"
#include "server_process.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

constexpr std::uint64_t kOperationsPerBatch = 1000;

struct Arguments {
  std::string vibratod = "build/release/src/app/vibratod";
  std::string redis;
  std::string folder;
  std::uint64_t keys = 1'000'000;
  std::uint64_t documents = 1'000'000;
  std::size_t value_bytes = 100;
  unsigned clients = 32;
  unsigned repeat = 3;
  unsigned finds = 300;
  double seconds = 5;
};

std::string key_name(std::uint64_t number) {
  return fmt::format("key:{:09}", number);
}

Result<std::string> ask(HttpConnection& to, const std::string& request) {
  VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(request));
  return status == 200 ? Result<std::string>(std::string(to.body()))
                       : io_error(fmt::format("{}: {}", status, to.body().substr(0, 300)));
}

// It may answer 429 while what was written is on its way into the file.
Status ask_patiently(HttpConnection& to, const std::string& request) {
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(request));
    if (status == 200) {
      return ok_status();
    }
    if (status != 429) {
      return io_error(fmt::format("{}: {}", status, to.body().substr(0, 300)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Status wait_until_ready(std::uint16_t port) {
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(port));
  const std::string request = HttpConnection::request("GET", "/v1/health/ready", "", "");
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(request));
    if (status == 200) {
      return ok_status();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stoull(line.substr(6)) * 1024;
    }
  }
  return 0;
}

void print(const char* what, const SwarmReport& report) {
  fmt::print("{:<16} {:>9.0f} /s   median {:>6.0f} us   p99 {:>6.0f} us\n", what, report.per_second(), report.median_us,
             report.p99_us);
  std::fflush(stdout);
}

class RandomKeys {
 public:
  explicit RandomKeys(std::uint64_t count) : pick_(0, count - 1) {}
  std::string next() { return key_name(pick_(random_)); }

 private:
  std::mt19937_64 random_{7};
  std::uniform_int_distribution<std::uint64_t> pick_;
};

Status fill_state(HttpConnection& to, const std::string& key, const Arguments& arguments) {
  const std::string value(arguments.value_bytes, 'v');
  for (std::uint64_t first = 0; first < arguments.keys; first += kOperationsPerBatch) {
    std::string operations;
    for (std::uint64_t i = first; i < std::min(first + kOperationsPerBatch, arguments.keys); ++i) {
      operations += fmt::format(R"({}{{"key":"{}","value":"{}"}})", i == first ? "" : ",", key_name(i), value);
    }
    VIBRATO_RETURN_IF_ERROR(ask_patiently(
        to, HttpConnection::request("POST", "/v1/state/batch_put", key, "{\"operations\":[" + operations + "]}")));
  }
  return ask(to, HttpConnection::request("POST", "/v1/admin/checkpoint", key, "")).status();
}

Swarm http_swarm(const Arguments& arguments, std::uint16_t port, std::function<void(std::string&)> next) {
  return {.port = port,
          .clients = arguments.clients,
          .seconds = arguments.seconds,
          .next_request = std::move(next),
          .answer_bytes = http_answer_bytes};
}

Status measure_state(const Arguments& arguments, const ServerProcess& server) {
  RandomKeys keys(arguments.keys);
  const std::string body = fmt::format(R"({{"value":"{}"}})", std::string(arguments.value_bytes, 'w'));
  const auto put = [&](std::string& out) {
    out += HttpConnection::request("PUT", "/v1/state/" + keys.next(), server.key(), body);
  };
  const auto get = [&](std::string& out) {
    out += HttpConnection::request("GET", "/v1/state/" + keys.next(), server.key(), "");
  };
  VIBRATO_ASSIGN_OR_RETURN(const SwarmReport puts, run_swarm(http_swarm(arguments, server.port(), put)));
  print("vibratod puts", puts);
  VIBRATO_ASSIGN_OR_RETURN(const SwarmReport gets, run_swarm(http_swarm(arguments, server.port(), get)));
  print("vibratod gets", gets);
  return ok_status();
}

// A redis-server that syncs its log for every answer.
class Redis {
 public:
  static Result<Redis> start(const Arguments& arguments, std::uint16_t port) {
    const std::string folder = arguments.folder + "/redis";
    std::filesystem::create_directories(folder);
    Redis redis;
    redis.port_ = port;
    redis.pid_ = ::fork();
    if (redis.pid_ == 0) {
      ::execlp(arguments.redis.c_str(), arguments.redis.c_str(), "--port", std::to_string(port).c_str(), "--bind",
               "127.0.0.1", "--dir", folder.c_str(), "--appendonly", "yes", "--appendfsync", "always", "--save", "",
               "--logfile", "redis.log", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    for (int i = 0; i < 500; ++i) {
      if (HttpConnection::open(port).ok()) {
        return redis;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return io_error(arguments.redis + " does not listen");
  }
  Redis(Redis&& other) noexcept : pid_(std::exchange(other.pid_, -1)), port_(other.port_) {}
  Redis& operator=(Redis&&) = delete;
  ~Redis() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  Status fill(const Arguments& arguments) const {
    std::uint64_t next = 0;
    Swarm swarm = swarm_of(arguments, [&](std::string& out) { set(out, key_name(next++), arguments.value_bytes); });
    swarm.requests = arguments.keys;
    return run_swarm(swarm).status();
  }

  Status measure(const Arguments& arguments) const {
    RandomKeys keys(arguments.keys);
    const Swarm puts = swarm_of(arguments, [&](std::string& out) { set(out, keys.next(), arguments.value_bytes); });
    VIBRATO_ASSIGN_OR_RETURN(const SwarmReport put, run_swarm(puts));
    print("redis puts", put);
    const Swarm gets = swarm_of(arguments, [&](std::string& out) {
      const std::string key = keys.next();
      out += fmt::format("*2\r\n$3\r\nGET\r\n${}\r\n{}\r\n", key.size(), key);
    });
    VIBRATO_ASSIGN_OR_RETURN(const SwarmReport got, run_swarm(gets));
    print("redis gets", got);
    return ok_status();
  }

 private:
  Redis() = default;
  static void set(std::string& out, const std::string& key, std::size_t bytes) {
    out +=
        fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", key.size(), key, bytes, std::string(bytes, 'v'));
  }
  [[nodiscard]] Swarm swarm_of(const Arguments& arguments, std::function<void(std::string&)> next) const {
    Swarm swarm = http_swarm(arguments, port_, std::move(next));
    swarm.answer_bytes = resp_answer_bytes;
    return swarm;
  }

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

Status run_state(const Arguments& arguments) {
  std::filesystem::create_directories(arguments.folder);
  VIBRATO_ASSIGN_OR_RETURN(const ServerProcess server,
                           ServerProcess::start(arguments.vibratod, arguments.folder + "/vibratod", {}, ""));
  VIBRATO_RETURN_IF_ERROR(wait_until_ready(server.port()));
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(server.port()));
  VIBRATO_RETURN_IF_ERROR(fill_state(to, server.key(), arguments));
  fmt::print("{} keys: resident {} MiB\n", arguments.keys, resident_bytes(server.pid()) >> 20);
  std::optional<Redis> redis;
  if (!arguments.redis.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(Redis started, Redis::start(arguments, static_cast<std::uint16_t>(server.port() + 1)));
    redis.emplace(std::move(started));
    VIBRATO_RETURN_IF_ERROR(redis->fill(arguments));
  }
  for (unsigned i = 0; i < arguments.repeat; ++i) {
    VIBRATO_RETURN_IF_ERROR(measure_state(arguments, server));
    if (redis.has_value()) {
      VIBRATO_RETURN_IF_ERROR(redis->measure(arguments));
    }
  }
  fmt::print("resident {} MiB\n", resident_bytes(server.pid()) >> 20);
  return ok_status();
}

Status fill_documents(HttpConnection& to, const std::string& key, const Arguments& arguments) {
  for (std::uint64_t first = 0; first < arguments.documents; first += kOperationsPerBatch) {
    std::string operations;
    for (std::uint64_t i = first; i < std::min(first + kOperationsPerBatch, arguments.documents); ++i) {
      operations += fmt::format(
          R"({}{{"op":"doc.put","collection":"d","id":"{:09}","doc":{{"number":{},"group":"g{}","share":{},"text":"{}"}}}})",
          i == first ? "" : ",", i, i, i % 1000, static_cast<double>(i % 977) / 977, std::string(60, 't'));
    }
    VIBRATO_RETURN_IF_ERROR(
        ask_patiently(to, HttpConnection::request("POST", "/v1/batch", key, "{\"operations\":[" + operations + "]}")));
  }
  return ask(to, HttpConnection::request("POST", "/v1/admin/checkpoint", key, "")).status();
}

struct Find {
  const char* name;
  std::function<std::string(std::uint64_t)> body;  // From a random number below the count of documents.
};

// Finds whose field is not indexed yet count as warming up, for as long as they get faster.
Status measure_find(HttpConnection& to, const std::string& key, const Arguments& arguments, const Find& find) {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<std::uint64_t> pick(0, arguments.documents - 1);
  const auto time_ms = [&]() -> Result<double> {
    const std::string request = HttpConnection::request("POST", "/v1/doc/d/find", key, find.body(pick(random)));
    const auto begin = std::chrono::steady_clock::now();
    VIBRATO_RETURN_IF_ERROR(ask(to, request).status());
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  };
  VIBRATO_ASSIGN_OR_RETURN(const double first, time_ms());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  double latest = first;
  while (latest > first / 10 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    VIBRATO_ASSIGN_OR_RETURN(latest, time_ms());
  }
  std::vector<double> times;
  for (unsigned i = 0; i < arguments.finds; ++i) {
    VIBRATO_ASSIGN_OR_RETURN(const double one, time_ms());
    times.push_back(one);
  }
  std::sort(times.begin(), times.end());
  fmt::print("{:<28} first {:>8.1f} ms   then median {:>6.2f} ms   p99 {:>6.2f} ms\n", find.name, first,
             times[times.size() / 2], times[times.size() * 99 / 100]);
  std::fflush(stdout);
  return ok_status();
}

Status run_documents(const Arguments& arguments) {
  std::filesystem::create_directories(arguments.folder);
  VIBRATO_ASSIGN_OR_RETURN(const ServerProcess server,
                           ServerProcess::start(arguments.vibratod, arguments.folder + "/vibratod", {}, ""));
  VIBRATO_RETURN_IF_ERROR(wait_until_ready(server.port()));
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(server.port()));
  VIBRATO_RETURN_IF_ERROR(fill_documents(to, server.key(), arguments));
  fmt::print("{} documents: resident {} MiB\n", arguments.documents, resident_bytes(server.pid()) >> 20);
  const std::vector<Find> finds = {
      {"a number, 1 match",
       [](std::uint64_t i) { return fmt::format(R"({{"filter":{{"key":"number","match":{{"value":{}}}}}}})", i); }},
      {"a string, 1 of 1,000",
       [](std::uint64_t i) {
         return fmt::format(R"({{"filter":{{"key":"group","match":{{"value":"g{}"}}}}}})", i % 1000);
       }},
      {"a range, 100 matches",
       [](std::uint64_t i) {
         return fmt::format(R"({{"filter":{{"key":"number","range":{{"gte":{},"lt":{}}}}},"limit":100}})", i, i + 100);
       }},
      {"two fields, sorted",
       [](std::uint64_t i) {
         return fmt::format(
             R"({{"filter":{{"must":[{{"key":"group","match":{{"value":"g{}"}}}},)"
             R"({{"key":"share","range":{{"gte":0.5}}}}]}},"sort":[{{"key":"number","order":"desc"}}]}})",
             i % 1000);
       }},
  };
  for (const Find& find : finds) {
    VIBRATO_RETURN_IF_ERROR(measure_find(to, server.key(), arguments, find));
  }
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("State and documents over HTTP.");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--vibratod", arguments.vibratod, "the server's binary")->capture_default_str();
  app.add_option("--folder", arguments.folder, "an empty folder for the data")->required();
  CLI::App* const state = app.add_subcommand("state", "puts and gets");
  state->add_option("--redis", arguments.redis, "a redis-server to compare with");
  state->add_option("--keys", arguments.keys)->capture_default_str();
  state->add_option("--value-bytes", arguments.value_bytes)->capture_default_str();
  state->add_option("--clients", arguments.clients)->capture_default_str();
  state->add_option("--repeat", arguments.repeat)->capture_default_str();
  state->add_option("--seconds", arguments.seconds, "for each figure")->capture_default_str();
  CLI::App* const documents = app.add_subcommand("documents", "find");
  documents->add_option("--documents", arguments.documents)->capture_default_str();
  documents->add_option("--finds", arguments.finds, "for each figure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const Status status = state->parsed() ? run_state(arguments) : run_documents(arguments);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.message());
  }
  return status.ok() ? 0 : 1;
}
