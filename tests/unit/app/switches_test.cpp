#include "app/switches.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vibrato::app {
namespace {

struct Switches {
  bool off = false;
  bool on = true;
  std::optional<bool> maybe;
  std::string after = "none";
};

// Empty text: wrong usage.
std::string parse(std::vector<std::string> arguments) {
  Switches switches;
  CLI::App app;
  add_switch(app, "--off", switches.off, "off by default");
  add_switch(app, "--on", switches.on, "on by default");
  add_switch(app, "--maybe", switches.maybe, "neither");
  app.add_option("--after", switches.after);
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
  } catch (const CLI::Error&) {
    return "";
  }
  const std::string maybe = switches.maybe ? (*switches.maybe ? "1" : "0") : "-";
  return std::to_string(switches.off) + std::to_string(switches.on) + maybe + " " + switches.after;
}

TEST(Switches, keep_their_defaults_until_they_are_given) {
  EXPECT_EQ(parse({}), "01- none");
}

TEST(Switches, are_true_without_a_value) {
  EXPECT_EQ(parse({"--off", "--on", "--maybe"}), "111 none");
  EXPECT_EQ(parse({"--off", "--after", "x"}), "11- x");
}

TEST(Switches, take_a_value_in_either_form) {
  EXPECT_EQ(parse({"--off", "true", "--on", "false", "--maybe", "false"}), "100 none");
  EXPECT_EQ(parse({"--off=true", "--on=false", "--maybe=true", "--after", "x"}), "101 x");
}

TEST(Switches, refuse_other_values) {
  for (const char* value : {"yes", "1", "TRUE", "tru"}) EXPECT_EQ(parse({"--off", value}), "") << value;
  EXPECT_EQ(parse({"--off", "true", "false"}), "");
}

}  // namespace
}  // namespace vibrato::app
