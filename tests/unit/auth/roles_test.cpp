#include "auth/roles.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato::auth {
namespace {

TEST(Roles, admin_implies_all_and_the_others_only_themselves) {
  for (const Role role : kAllRoles) {
    EXPECT_TRUE(RoleSet{Role::kAdmin}.allows(role));
    EXPECT_EQ(RoleSet{Role::kQuery}.allows(role), role == Role::kQuery);
    EXPECT_EQ(RoleSet{Role::kIngest}.allows(role), role == Role::kIngest);
    EXPECT_FALSE(RoleSet().allows(role));
  }
  EXPECT_FALSE(RoleSet{Role::kAdmin}.contains(Role::kQuery));
}

TEST(Roles, are_written_in_one_order_and_read_back) {
  for (unsigned bits = 1; bits < 8; ++bits) {
    RoleSet roles;
    for (const Role role : kAllRoles) {
      if (((bits >> static_cast<unsigned>(role)) & 1U) != 0) {
        roles.add(role);
      }
    }
    EXPECT_EQ(parse_role_list(to_string(roles)).value(), roles) << to_string(roles);
  }
  EXPECT_EQ(to_string(RoleSet{Role::kAdmin, Role::kIngest, Role::kQuery}), "query,ingest,admin");
  EXPECT_EQ(to_string(RoleSet()), "");
}

TEST(Roles, a_list_may_have_blanks_and_repeats) {
  EXPECT_EQ(parse_role_list(" ingest ,\tquery,ingest").value(), (RoleSet{Role::kQuery, Role::kIngest}));
  EXPECT_EQ(parse_roles(std::vector<std::string>{"admin", "admin"}).value(), RoleSet{Role::kAdmin});
}

TEST(Roles, an_unknown_word_is_named) {
  for (const char* list : {"reader", "query,reader", "reader,query"}) {
    const auto roles = parse_role_list(list);
    EXPECT_CODE(roles, ErrorCode::kInvalidArgument);
    EXPECT_EQ(roles.status().message(), "role reader is unknown; roles are query, ingest and admin");
  }
}

TEST(Roles, a_word_that_is_no_name_is_told_by_its_place) {
  for (const std::string& word :
       {std::string("\x1b[31mred"), std::string(100, 'a'), std::string(), std::string("a b")}) {
    const auto roles = parse_roles(std::vector<std::string>{"query", word});
    EXPECT_CODE(roles, ErrorCode::kInvalidArgument);
    EXPECT_EQ(roles.status().message(), "role 2 of the list is unknown; roles are query, ingest and admin");
  }
}

TEST(Roles, words_must_match_exactly_and_there_must_be_one) {
  for (const char* list : {"", " ", ",", "query,", ",query", "query,,ingest", "Query", "querys", "quer"}) {
    EXPECT_CODE(parse_role_list(list), ErrorCode::kInvalidArgument) << list;
  }
  EXPECT_CODE(parse_roles({}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse_roles(std::vector<std::string>{" query"}), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::auth
