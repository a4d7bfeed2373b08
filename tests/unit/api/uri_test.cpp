#include "api/uri.hpp"

#include <gtest/gtest.h>

namespace vibrato::api {
namespace {

TEST(Uri, splits_the_three_forms_of_a_target) {
  EXPECT_EQ(split_target("/a/b").path, "/a/b");
  EXPECT_EQ(split_target("/a?b=c?d").path, "/a");
  EXPECT_EQ(split_target("/a?b=c?d").query, "b=c?d");
  EXPECT_EQ(split_target("http://host:80/a?b").path, "/a");
  EXPECT_EQ(split_target("http://host:80/a?b").query, "b");
  EXPECT_EQ(split_target("http://host").path, "/");
  EXPECT_EQ(split_target("http://host?q=1").path, "/");
  EXPECT_EQ(split_target("http://host?q=1").query, "q=1");
  EXPECT_EQ(split_target("/redirect?to=http://host/").path, "/redirect");
  EXPECT_EQ(split_target("/a://b").path, "/a://b");
  EXPECT_EQ(split_target("*").path, "*");
}

TEST(Uri, parses_query_strings) {
  std::vector<Parameter> parameters;
  ASSERT_TRUE(parse_query("id=%227%22&&name=a+b%2Bc&flag&empty=&x=1=2", parameters).ok());
  ASSERT_EQ(parameters.size(), 5U);
  EXPECT_EQ(parameters[0].value, "\"7\"");
  EXPECT_EQ(parameters[1].value, "a b+c");
  EXPECT_EQ(parameters[2].name, "flag");
  EXPECT_EQ(parameters[2].value, "");
  EXPECT_EQ(parameters[3].value, "");
  EXPECT_EQ(parameters[4].value, "1=2");
  ASSERT_TRUE(parse_query("", parameters).ok());
  EXPECT_TRUE(parameters.empty());
  EXPECT_EQ(parse_query("a=%g1", parameters).code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::api
