// Safe paths: no name from outside leaves the root.
#include "io/safe_path.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/status_matchers.hpp"

namespace vibrato::io {
namespace {

TEST(SafePath, names_are_1_to_64_plain_characters_without_a_leading_dot) {
  for (const std::string& name : {std::string("a"), std::string("A-z_0.9"), std::string("-"), std::string("a.."),
                                  std::string(63, 'x'), std::string(64, 'x')}) {
    EXPECT_TRUE(is_safe_name(name)) << name;
    EXPECT_OK(check_name(name));
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".hidden"), std::string("a/b"),
        std::string("/a"), std::string("a\\b"), std::string("a b"), std::string("a\0b", 3), std::string("caf\xc3\xa9"),
        std::string("%2e%2e"), std::string("a\n"), std::string(65, 'x')}) {
    EXPECT_FALSE(is_safe_name(name)) << name;
    EXPECT_CODE(check_name(name), ErrorCode::kInvalidArgument);
  }
}

TEST(SafePath, every_other_byte_is_refused) {
  const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = {'a', static_cast<char>(byte)};
    EXPECT_EQ(is_safe_name(name), allowed.find(static_cast<char>(byte)) != std::string::npos) << byte;
  }
}

TEST(SafePath, joins_beneath_the_root) {
  EXPECT_EQ(join_beneath("/data", "a").value(), "/data/a");
  EXPECT_EQ(join_beneath("/data/", "a/b.vdb").value(), "/data/a/b.vdb");
  EXPECT_EQ(join_beneath("/", "a").value(), "/a");
  EXPECT_EQ(join_beneath("data", "a").value(), "data/a");
}

TEST(SafePath, refuses_every_way_out_of_the_root) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/etc/passwd"), std::string(".."), std::string("../x"),
        std::string("a/../../x"), std::string("a/.."), std::string("a//b"), std::string("a/"), std::string("./a"),
        std::string("a/./b"), std::string("a\0/../b", 7), std::string(65, 'x')}) {
    EXPECT_CODE(join_beneath("/data", path), ErrorCode::kInvalidArgument) << path;
  }
}

TEST(SafePath, splits_a_path_into_folder_and_name) {
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("a/b/"), "a");
  EXPECT_EQ(parent_of("a//b"), "a");
  EXPECT_EQ(parent_of("b"), ".");
  EXPECT_EQ(parent_of("/b"), "/");
  EXPECT_EQ(parent_of("//b"), "/");
  EXPECT_EQ(parent_of("/"), "/");
  EXPECT_EQ(file_name_of("a/b"), "b");
  EXPECT_EQ(file_name_of("a/b/"), "b");
  EXPECT_EQ(file_name_of("b"), "b");
  EXPECT_EQ(file_name_of("/"), "");
  EXPECT_EQ(file_name_of(""), "");
}

}  // namespace
}  // namespace vibrato::io
