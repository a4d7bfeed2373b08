#include "api/errors.hpp"

#include <gtest/gtest.h>

#include "api/media_type.hpp"

namespace vibrato::api {
namespace {

TEST(Errors, each_surface_has_its_envelope) {
  const Status status = invalid_argument("k must be \"small\"");
  Reply reply;
  reply.error_details = R"({"k":0})";
  write_error(status, ErrorStyle::kNative, "r1", reply);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body,
            R"({"error":"invalid_argument","message":"k must be \"small\"","details":{"k":0},"request_id":"r1"})");
  write_error(status, ErrorStyle::kV2, "r1", reply);
  EXPECT_EQ(reply.body,
            R"({"code":"bad_request","message":"k must be \"small\"","details":{"k":0},"request_id":"r1"})");
  write_error(status, ErrorStyle::kServe, "r1", reply);
  EXPECT_EQ(reply.body, R"({"error":"k must be \"small\"","code":"invalid_argument","request_id":"r1"})");
}

TEST(Errors, take_the_code_of_the_reply_where_it_has_one) {
  Reply reply;
  reply.error_code = "missing_authorization";
  write_error({ErrorCode::kUnauthenticated, "no key"}, ErrorStyle::kV2, "r", reply);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.body, R"({"code":"missing_authorization","message":"no key","request_id":"r"})");
  reply.reset();
  write_error({ErrorCode::kUnauthenticated, "no key"}, ErrorStyle::kV2, "r", reply);
  EXPECT_EQ(reply.body, R"({"code":"unauthenticated","message":"no key","request_id":"r"})");
}

TEST(Errors, tell_when_to_come_again_once) {
  Reply reply;
  write_error({ErrorCode::kOverloaded, "busy"}, ErrorStyle::kNative, "r", reply);
  ASSERT_EQ(reply.headers.size(), 1U);
  EXPECT_EQ(reply.headers[0].first, "Retry-After");
  EXPECT_EQ(reply.headers[0].second, "1");
  write_error({ErrorCode::kOverloaded, "busy"}, ErrorStyle::kNative, "r", reply);
  EXPECT_EQ(reply.headers.size(), 1U);
  reply.reset();
  write_error(unavailable("not yet"), ErrorStyle::kNative, "r", reply);
  EXPECT_EQ(reply.headers.size(), 1U);
  reply.reset();
  write_error(unavailable("damaged"), ErrorStyle::kNative, "r", reply, Outage::kLasting);
  EXPECT_TRUE(reply.headers.empty());
  write_error({ErrorCode::kOverloaded, "busy"}, ErrorStyle::kNative, "r", reply, Outage::kLasting);
  EXPECT_EQ(reply.headers.size(), 1U) << "that is over soon";
  reply.reset();
  write_error(not_found("nothing"), ErrorStyle::kNative, "r", reply);
  EXPECT_TRUE(reply.headers.empty());
}

TEST(MediaType, takes_json_in_any_case_with_utf8_only) {
  for (const char* good : {"application/json", "APPLICATION/Json", " application/json ; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json; version=1"}) {
    EXPECT_TRUE(is_json_media_type(good)) << good;
  }
  for (const char* bad : {"", "text/plain", "application/jsonx", "application/x-www-form-urlencoded",
                          "application/json; charset=latin1", "json"}) {
    EXPECT_FALSE(is_json_media_type(bad)) << bad;
  }
}

}  // namespace
}  // namespace vibrato::api
