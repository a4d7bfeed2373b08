// events_bench: streams of events over HTTP, from outside, on one machine with the clients.
//
//   events_bench follow     many streams and a steady number of events: whether all come, and how late
//   events_bench writers    puts of state without and with streams that follow them, in turn
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <vector>

#include "http_connection.hpp"
#include "request_swarm.hpp"
#include "server_process.hpp"
#include "stream_followers.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

// One request has the events of so long.
constexpr std::int64_t kTickNs = 10'000'000;
constexpr double kPatienceSeconds = 30;

struct Arguments {
  std::string vibratod = "build/release/src/app/vibratod";
  std::string folder;
  unsigned streams = 200;
  unsigned events_per_second = 1000;
  unsigned clients = 32;
  unsigned repeat = 5;
  double seconds = 10;
};

Result<ServerProcess> start_server(const Arguments& arguments) {
  std::filesystem::create_directories(arguments.folder);
  VIBRATO_ASSIGN_OR_RETURN(ServerProcess server,
                           ServerProcess::start(arguments.vibratod, arguments.folder + "/vibratod", {}, ""));
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(server.port()));
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(HttpConnection::request("GET", "/v1/health/ready", "", "")));
    if (status == 200) {
      return server;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<std::uint64_t> lsn_of(std::string_view body) {
  const std::size_t at = body.find("\"lsn\":");
  return at == std::string_view::npos ? Result<std::uint64_t>(io_error(std::string(body)))
                                      : Result<std::uint64_t>(std::stoull(std::string(body.substr(at + 6))));
}

// Answers the LSN of an event, behind which streams begin.
Result<std::uint64_t> append_one(const ServerProcess& server) {
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(server.port()));
  VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(HttpConnection::request("POST", "/v1/events", server.key(),
                                                                            R"({"type":"start","data":null})")));
  return status == 200 ? lsn_of(to.body()) : Result<std::uint64_t>(io_error(std::string(to.body())));
}

std::string events_of_tick(std::uint64_t count) {
  std::string operations;
  for (std::uint64_t i = 0; i < count; ++i) {
    operations += fmt::format(R"({}{{"op":"event.append","type":"tick","data":{{"t":{},"text":"{}"}}}})",
                              i == 0 ? "" : ",", now_ns(), std::string(60, 'x'));
  }
  return "{\"operations\":[" + operations + "]}";
}

Status run_follow(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const ServerProcess server, start_server(arguments));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t since, append_one(server));
  VIBRATO_ASSIGN_OR_RETURN(const auto followers,
                           StreamFollowers::start(server.port(), server.key(), since, arguments.streams, true));
  VIBRATO_ASSIGN_OR_RETURN(HttpConnection to, HttpConnection::open(server.port()));
  const double processor_before = server.processor_seconds();
  const std::int64_t begin_ns = now_ns();
  std::uint64_t sent = 0;
  while (now_ns() - begin_ns < static_cast<std::int64_t>(arguments.seconds * 1e9)) {
    const std::int64_t next_ns = now_ns() + kTickNs;
    const auto due =
        static_cast<std::uint64_t>(now_ns() - begin_ns + kTickNs) * arguments.events_per_second / 1'000'000'000;
    if (due > sent) {
      VIBRATO_ASSIGN_OR_RETURN(const int status, to.ask(HttpConnection::request("POST", "/v1/batch", server.key(),
                                                                                events_of_tick(due - sent))));
      if (status != 200) {
        return io_error(std::string(to.body()));
      }
      sent = due;
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<std::int64_t>(next_ns - now_ns(), 0)));
  }
  const double seconds = static_cast<double>(now_ns() - begin_ns) / 1e9;
  VIBRATO_ASSIGN_OR_RETURN(const DelayReport report, followers->finish(sent, kPatienceSeconds));
  fmt::print(
      "{} streams, {:.0f} events/s for {:.1f} s: {} of {} came{}; median {:.1f} ms, p99 {:.1f} ms; server {:.2f} "
      "processors\n",
      arguments.streams, static_cast<double>(sent) / seconds, seconds, report.events, sent * arguments.streams,
      report.events == sent * arguments.streams ? "" : " (NOT ALL)", report.median_ms, report.p99_ms,
      (server.processor_seconds() - processor_before) / seconds);
  return report.events == sent * arguments.streams ? ok_status() : io_error("events are missing");
}

Result<double> puts_per_second(const Arguments& arguments, const ServerProcess& server) {
  std::uint64_t next = 0;
  const std::string body = fmt::format(R"({{"value":"{}"}})", std::string(100, 'v'));
  VIBRATO_ASSIGN_OR_RETURN(const SwarmReport report,
                           run_swarm({.port = server.port(),
                                      .clients = arguments.clients,
                                      .seconds = arguments.seconds,
                                      .next_request =
                                          [&](std::string& out) {
                                            out += HttpConnection::request(
                                                "PUT", fmt::format("/v1/state/key:{}", next++ % 100'000), server.key(),
                                                body);
                                          },
                                      .answer_bytes = http_answer_bytes}));
  return report.per_second();
}

Status run_writers(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const ServerProcess server, start_server(arguments));
  std::vector<double> ratios;
  for (unsigned round = 0; round < arguments.repeat; ++round) {
    VIBRATO_ASSIGN_OR_RETURN(const double alone, puts_per_second(arguments, server));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t since, append_one(server));
    VIBRATO_ASSIGN_OR_RETURN(const auto followers,
                             StreamFollowers::start(server.port(), server.key(), since, arguments.streams, false));
    VIBRATO_ASSIGN_OR_RETURN(const double followed, puts_per_second(arguments, server));
    const auto written = static_cast<std::uint64_t>(followed * arguments.seconds);
    VIBRATO_ASSIGN_OR_RETURN(const DelayReport report, followers->finish(written, kPatienceSeconds));
    ratios.push_back(followed / alone);
    fmt::print("{:.0f} puts/s alone, {:.0f} with {} streams: {:.3f}; {} events came\n", alone, followed,
               arguments.streams, followed / alone, report.events);
    std::fflush(stdout);
  }
  std::sort(ratios.begin(), ratios.end());
  fmt::print("median ratio {:.3f}\n", ratios[ratios.size() / 2]);
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Streams of events over HTTP.");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--vibratod", arguments.vibratod, "the server's binary")->capture_default_str();
  app.add_option("--folder", arguments.folder, "an empty folder for the data")->required();
  app.add_option("--streams", arguments.streams)->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "of each measurement")->capture_default_str();
  CLI::App* const follow = app.add_subcommand("follow", "a steady number of events");
  follow->add_option("--events", arguments.events_per_second, "a second")->capture_default_str();
  CLI::App* const writers = app.add_subcommand("writers", "puts without and with streams");
  writers->add_option("--clients", arguments.clients)->capture_default_str();
  writers->add_option("--repeat", arguments.repeat)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const Status status = follow->parsed() ? run_follow(arguments) : run_writers(arguments);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.message());
    return 1;
  }
  return 0;
}
