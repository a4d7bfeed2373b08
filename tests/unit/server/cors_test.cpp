#include "server/cors.hpp"

#include <gtest/gtest.h>
#include <string>

#include "unit/server/exchange_fixture.hpp"

namespace vibrato::server {
namespace {

std::string from_origin(std::string_view method, std::string_view origin, std::string_view fields = "") {
  std::string text(method);
  text.append(" /hello HTTP/1.1\r\nHost: h\r\nOrigin: ").append(origin).append("\r\n").append(fields);
  return text.append("\r\n");
}

constexpr std::string_view kAsksForPost = "Access-Control-Request-Method: POST\r\n";

TEST_F(ExchangeTest, allows_no_origin_unless_it_is_listed) {
  feed(from_origin("GET", "https://a.example"));
  feed(from_origin("OPTIONS", "https://a.example", kAsksForPost));
  options_.cors_origins.emplace_back("https://b.example");
  feed(from_origin("GET", "https://a.example"));
  feed(from_origin("OPTIONS", "https://a.example", kAsksForPost));
  EXPECT_EQ(count_of("Access-Control"), 0U);
  EXPECT_EQ(count_of("405 Method Not Allowed"), 2U);
}

TEST_F(ExchangeTest, lets_listed_origins_see_answers_and_errors) {
  options_.cors_origins.emplace_back("https://b.example");
  options_.cors_origins.emplace_back("https://a.example");
  feed(from_origin("GET", "https://a.example"));
  feed("GET /nowhere HTTP/1.1\r\nHost: h\r\nOrigin: https://b.example\r\n\r\n");
  EXPECT_EQ(count_of("Access-Control-Allow-Origin: https://a.example\r\n"), 1U);
  EXPECT_EQ(count_of("Access-Control-Allow-Origin: https://b.example\r\n"), 1U);
  EXPECT_EQ(count_of("Vary: Origin\r\n"), 2U);
  feed(kGet);
  EXPECT_EQ(count_of("Access-Control-Allow-Origin"), 2U) << "nothing for clients that are no pages";
}

TEST_F(ExchangeTest, answers_a_preflight_without_a_key) {
  routes_.set_authorizer([](api::Request&, const api::Route&, api::Reply&) {
    return Status(ErrorCode::kUnauthenticated, "a key is needed");
  });
  options_.cors_origins.emplace_back("*");
  EXPECT_EQ(feed(from_origin("OPTIONS", "https://a.example", kAsksForPost)), Step::kRead);
  EXPECT_EQ(feed(kGet), Step::kRead);
  EXPECT_TRUE(output_.starts_with("HTTP/1.1 204 No Content\r\nx-request-id: ")) << output_;
  EXPECT_EQ(count_of("Access-Control-Allow-Origin: https://a.example\r\n"), 1U);
  EXPECT_EQ(count_of("Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"), 1U);
  EXPECT_EQ(count_of("Access-Control-Allow-Headers: Authorization, "), 1U);
  EXPECT_EQ(count_of("hello"), 1U) << "the connection goes on";
}

TEST_F(ExchangeTest, a_preflight_for_a_path_that_is_no_route_is_404) {
  options_.cors_origins.emplace_back("https://a.example");
  std::string text = from_origin("OPTIONS", "https://a.example", kAsksForPost);
  feed(text.replace(text.find("/hello"), 6, "/nowhere"));
  EXPECT_EQ(count_of("404 Not Found"), 1U);
  EXPECT_EQ(count_of("Access-Control-Allow-Methods"), 0U);
}

}  // namespace
}  // namespace vibrato::server
