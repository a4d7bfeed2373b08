#include "api/route_table.hpp"

#include <array>
#include <gtest/gtest.h>
#include <span>

namespace vibrato::api {
namespace {

Route route(Method method, std::string pattern) {
  return {
      .method = method, .pattern = std::move(pattern), .handler = [](const Request&, Reply&) { return ok_status(); }};
}

RouteTable table() {
  RouteTable made(Surface::kDatabase);
  made.add(route(Method::kGet, "/v1/vector"));
  made.add(route(Method::kPost, "/v1/vector/{c}/search"));
  made.add(route(Method::kGet, "/v1/vector/{c}"));
  made.add(route(Method::kDelete, "/v1/vector/{c}"));
  made.add(route(Method::kGet, "/v1/vector/special"));
  made.add(route(Method::kGet, "/v1/doc/{c}/{id}"));
  return made;
}

RouteMatch match(Method method, std::string_view path) {
  static const RouteTable made = table();
  RouteMatch result;
  made.match(method, path, result);
  return result;
}

TEST(RouteTable, finds_literal_patterns_and_patterns_with_names) {
  EXPECT_EQ(match(Method::kGet, "/v1/vector").route->pattern, "/v1/vector");
  const RouteMatch search = match(Method::kPost, "/v1/vector/songs/search");
  ASSERT_NE(search.route, nullptr);
  EXPECT_EQ(search.route->pattern, "/v1/vector/{c}/search");
  ASSERT_EQ(search.parameters.size(), 1U);
  EXPECT_EQ(search.parameters[0].name, "c");
  EXPECT_EQ(search.parameters[0].value, "songs");
}

TEST(RouteTable, prefers_literal_patterns) {
  EXPECT_EQ(match(Method::kGet, "/v1/vector/special").route->pattern, "/v1/vector/special");
}

TEST(RouteTable, decodes_parameters_once_and_never_splits_on_an_encoded_slash) {
  const RouteMatch found = match(Method::kGet, "/v1/doc/a%2Fb/%2541");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.parameters[0].value, "a/b");
  EXPECT_EQ(found.parameters[1].value, "%41");
}

TEST(RouteTable, refuses_garbled_escapes) {
  for (const std::string_view path : {"/v1/vector/%", "/v1/vector/%4", "/v1/vector/%zz"}) {
    const RouteMatch found = match(Method::kGet, path);
    EXPECT_EQ(found.route, nullptr) << path;
    EXPECT_EQ(found.error.code(), ErrorCode::kInvalidArgument) << path;
  }
}

TEST(RouteTable, answers_not_found_for_unknown_paths) {
  for (const std::string_view path : {"/", "", "*", "/v1", "/v1/vector/", "/v1/vector//search", "/v1/vector/a/b/search",
                                      "/v1/vector/a/search/", "//v1/vector", "v1/vector"}) {
    const RouteMatch found = match(Method::kPost, path);
    EXPECT_EQ(found.route, nullptr) << path;
    EXPECT_EQ(found.error.code(), ErrorCode::kNotFound) << path;
    EXPECT_TRUE(found.allow.empty()) << path;
  }
}

TEST(RouteTable, names_the_allowed_methods_of_a_known_path) {
  const RouteMatch found = match(Method::kPost, "/v1/vector/a");
  EXPECT_EQ(found.error.code(), ErrorCode::kMethodNotAllowed);
  EXPECT_EQ(found.allow, "GET, HEAD, DELETE");
  EXPECT_EQ(match(Method::kOther, "/v1/vector").allow, "GET, HEAD");
}

TEST(RouteTable, answers_head_by_get) {
  ASSERT_NE(match(Method::kHead, "/v1/vector").route, nullptr);
  EXPECT_EQ(match(Method::kHead, "/v1/vector").route->method, Method::kGet);
}

TEST(RouteTable, chooses_the_envelope_by_surface_and_prefix) {
  const RouteTable database(Surface::kDatabase);
  EXPECT_EQ(database.error_style("/v1/vector"), ErrorStyle::kNative);
  EXPECT_EQ(database.error_style("/v2/query"), ErrorStyle::kV2);
  EXPECT_EQ(database.error_style("/v2"), ErrorStyle::kV2);
  EXPECT_EQ(database.error_style("/v22"), ErrorStyle::kNative);
  EXPECT_EQ(database.error_style(""), ErrorStyle::kNative);
  EXPECT_EQ(RouteTable(Surface::kServe).error_style("/v2/query"), ErrorStyle::kServe);
}

TEST(RouteTable, checks_the_query_before_the_media_type) {
  RouteTable made(Surface::kDatabase);
  Route strict = route(Method::kPost, "/x");
  strict.body = BodyKind::kJson;
  strict.known_query_parameters = {"min_lsn"};
  const std::array known{Parameter{"min_lsn", "7"}};
  const std::array unknown{Parameter{"min_lsn", "7"}, Parameter{"filtr", ""}};
  const std::array typed{HeaderField{"content-TYPE", "Application/JSON; charset=UTF-8"}};
  Request request;
  request.query_parameters = unknown;
  EXPECT_EQ(made.check_form(request, strict).code(), ErrorCode::kUnknownField);
  EXPECT_NE(made.check_form(request, strict).message().find("filtr"), std::string::npos);
  request.query_parameters = known;
  EXPECT_EQ(made.check_form(request, strict).code(), ErrorCode::kUnsupportedMediaType);
  request.headers = typed;
  EXPECT_TRUE(made.check_form(request, strict).ok());
}

TEST(RouteTable, a_query_parameter_comes_once) {
  RouteTable made(Surface::kDatabase);
  Route strict = route(Method::kGet, "/x");
  strict.known_query_parameters = {"id", "min_lsn"};
  const std::array twice{Parameter{"id", "1"}, Parameter{"min_lsn", "7"}, Parameter{"id", "1"}};
  Request request;
  request.query_parameters = twice;
  EXPECT_EQ(made.check_form(request, strict).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(made.check_form(request, strict).message(), "query parameter id comes twice; give it once");
  request.query_parameters = std::span(twice).first(2);
  EXPECT_TRUE(made.check_form(request, strict).ok());
  strict.known_query_parameters.reset();
  request.query_parameters = twice;
  EXPECT_TRUE(made.check_form(request, strict).ok()) << "surfaces that ignore what they do not know";
}

TEST(RouteTable, asks_the_authorizer_for_all_but_public_routes) {
  RouteTable made(Surface::kDatabase);
  made.set_authorizer([](const Request&, const Route&, Reply& reply) {
    reply.error_code = "missing_authorization";
    return Status(ErrorCode::kUnauthenticated, "no key");
  });
  Route query = route(Method::kGet, "/x");
  query.role = Role::kQuery;
  Request request;
  Reply reply;
  EXPECT_TRUE(made.authorize(request, route(Method::kGet, "/health"), reply).ok());
  EXPECT_TRUE(reply.error_code.empty());
  EXPECT_EQ(made.authorize(request, query, reply).code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(reply.error_code, "missing_authorization");
}

TEST(RouteTable, checks_the_values_of_query_parameters_before_the_media_type) {
  const RouteTable made(Surface::kDatabase);
  Route strict = route(Method::kPost, "/x");
  strict.body = BodyKind::kJson;
  strict.check_query = [](const Request& request) {
    return request.query_parameter("n") == "1" ? ok_status() : invalid_argument("n must be 1");
  };
  const std::array good{Parameter{"n", "1"}};
  Request request;
  EXPECT_EQ(made.check_form(request, strict).code(), ErrorCode::kInvalidArgument);
  request.query_parameters = good;
  EXPECT_EQ(made.check_form(request, strict).code(), ErrorCode::kUnsupportedMediaType);
}

TEST(RouteTable, a_header_that_decides_something_comes_once) {
  const RouteTable made(Surface::kDatabase);
  Reply reply;
  for (const std::string_view name : {"Authorization", "x-api-key", "Idempotency-Key", "Content-Type"}) {
    const std::array twice{HeaderField{name, "a"}, HeaderField{"Accept", "b"}, HeaderField{name, "a"}};
    Request request;
    request.headers = twice;
    const Status status = made.authorize(request, route(Method::kGet, "/x"), reply);
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
    request.headers = std::span(twice).first(2);
    EXPECT_TRUE(made.authorize(request, route(Method::kGet, "/x"), reply).ok()) << name;
  }
  const std::array other_case{HeaderField{"idempotency-key", "a"}, HeaderField{"IDEMPOTENCY-KEY", "b"}};
  const std::array lists{HeaderField{"Accept", "a"}, HeaderField{"Accept", "b"}};
  Request request;
  request.headers = other_case;
  EXPECT_EQ(made.authorize(request, route(Method::kGet, "/x"), reply).code(), ErrorCode::kInvalidArgument);
  request.headers = lists;
  EXPECT_TRUE(made.authorize(request, route(Method::kGet, "/x"), reply).ok());
}

TEST(RouteTable, takes_no_packed_bodies) {
  const RouteTable made(Surface::kDatabase);
  for (const std::string_view encoding : {"gzip", "br", "identity, gzip"}) {
    const std::array fields{HeaderField{"content-encoding", encoding}};
    Request request;
    request.method = Method::kPost;
    request.headers = fields;
    const Status status = made.check_form(request, route(Method::kPost, "/x"));
    EXPECT_EQ(status.code(), ErrorCode::kUnsupportedMediaType) << encoding;
    EXPECT_NE(status.message().find("Content-Encoding"), std::string::npos);
    request.method = Method::kGet;
    EXPECT_TRUE(made.check_form(request, route(Method::kGet, "/x")).ok()) << "there is no body to pack";
  }
  const std::array fields{HeaderField{"Content-Encoding", "Identity"}};
  Request request;
  request.method = Method::kPost;
  request.headers = fields;
  EXPECT_TRUE(made.check_form(request, route(Method::kPost, "/x")).ok());
}

TEST(RouteTable, lists_every_route) {
  EXPECT_EQ(table().routes().size(), 6U);
}

}  // namespace
}  // namespace vibrato::api
