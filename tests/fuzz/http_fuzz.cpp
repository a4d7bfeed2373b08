// Any bytes on a connection of `vibratod serve`, in pieces whose size the first byte chooses: heads, bodies, chunked
// coding, JSON. Every answer is a whole HTTP/1.1 message whose body is JSON.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vibrato/check.hpp>

#include "api/serve_api.hpp"
#include "server/exchange.hpp"
#include "support/fake_clock.hpp"
#include "support/made_serve_backend.hpp"

namespace {

using namespace vibrato;
using server::Exchange;

constexpr std::size_t kAnswersMax = 64;

void check_answer(const Exchange& exchange) {
  const auto [head, body] = exchange.output();
  VIBRATO_CHECK(head.starts_with("HTTP/1.1 "));
  VIBRATO_CHECK(head.ends_with("\r\n\r\n"));
  VIBRATO_CHECK(body.empty() || nlohmann::json::accept(body));
}

void converse(std::string_view bytes, std::size_t piece, Exchange& exchange) {
  std::size_t answers = 0;
  Exchange::Step step = Exchange::Step::kRead;
  bool ended = false;
  while (true) {
    if (step == Exchange::Step::kWrite) {
      check_answer(exchange);
      if (++answers > kAnswersMax) return;
      step = exchange.written();
    } else if (step == Exchange::Step::kRead) {
      if (ended) return;
      if (bytes.empty()) {
        ended = true;
        step = exchange.end_of_input();
        continue;
      }
      const auto space = exchange.input_space();
      VIBRATO_CHECK(!space.empty());
      const std::size_t count = std::min({piece, bytes.size(), space.size()});
      std::memcpy(space.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      step = exchange.received(count);
    } else {
      return;
    }
  }
}

// The routes of `serve` answer at once: nobody ever waits.
class NoWaiter final : public server::AnswerWaiter {
 public:
  void answer_arrived() override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const test::FakeClock clock;
  const Logger logger(LogLevel::kOff);
  const api::RouteTable routes =
      api::make_serve_routes(std::make_shared<test::MadeServeBackend>(2, 4), clock, api::ServeApiOptions{});
  const server::HttpServerOptions options;
  server::BodyBudget budget(options.body_bytes_in_flight_max);
  server::RequestIds ids(1);
  server::MismatchLog mismatches(clock, logger);
  NoWaiter waiter;
  const auto answers = std::make_shared<server::AnswerBox>([] {});
  Exchange exchange({options, routes, clock, logger, budget, ids, answers, mismatches}, waiter);
  const std::size_t piece = data[0] == 0 ? size : data[0];
  converse({reinterpret_cast<const char*>(data) + 1, size - 1}, piece, exchange);
  return 0;
}
