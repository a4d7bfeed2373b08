#include "auth/scope.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::auth {
namespace {

std::vector<std::string> made_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(std::to_string(i));
  }
  return names;
}

TEST(Scope, reaches_everything_unless_it_is_limited) {
  EXPECT_TRUE(Scope().is_everything());
  EXPECT_TRUE(Scope().allows("anything"));
  EXPECT_TRUE(Scope().collections().empty());
}

TEST(Scope, reaches_what_is_listed_and_nothing_else) {
  const Scope scope = Scope::only({"songs", "docs", "songs"}).value();
  EXPECT_FALSE(scope.is_everything());
  EXPECT_EQ(scope.collections(), (std::vector<std::string>{"docs", "songs"}));
  EXPECT_TRUE(scope.allows("docs"));
  EXPECT_TRUE(scope.allows("songs"));
  for (const char* other : {"", "song", "songs2", "Songs", "do", "e"}) {
    EXPECT_FALSE(scope.allows(other)) << other;
  }
}

TEST(Scope, an_empty_list_does_not_come_to_mean_everything) {
  EXPECT_CODE(Scope::only({}), ErrorCode::kInvalidArgument);
}

TEST(Scope, holds_names_only) {
  for (const char* name : {"", ".hidden", "a/b", "..", "a b", "\xc3\xa9"}) {
    const auto scope = Scope::only({"fine", name});
    EXPECT_CODE(scope, ErrorCode::kInvalidArgument) << name;
    EXPECT_TRUE(scope.status().message().starts_with("collections: ")) << scope.status().message();
  }
  EXPECT_OK(Scope::only({std::string(64, 'a')}));
  EXPECT_CODE(Scope::only({std::string(65, 'a')}), ErrorCode::kInvalidArgument);
}

TEST(Scope, has_a_cap) {
  EXPECT_OK(Scope::only(made_names(limits::kKeyCollectionsMax - 1)));
  EXPECT_OK(Scope::only(made_names(limits::kKeyCollectionsMax)));
  EXPECT_CODE(Scope::only(made_names(limits::kKeyCollectionsMax + 1)), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::auth
