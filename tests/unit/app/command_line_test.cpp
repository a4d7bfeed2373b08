#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <vector>

#include "app/option_sources.hpp"
#include "app/planned_flags.hpp"
#include "support/fake_clock.hpp"
#include "unit/app/input_files.hpp"

namespace vibrato::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Sets an environment variable for the length of a test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~ScopedVariable() { ::unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
};

// A command that prints its options.
Command echo_command() {
  struct Options {
    std::uint32_t ef_construction = 1;
    bool insecure = false;
    std::string data = "none";
  };
  Command command{"echo", CommandGroup::kFiles, "says what it was told", "  vibratod echo --data x", nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<Options>();
    app.add_option("-e,--ef-construction", options->ef_construction, "a number")->capture_default_str();
    app.add_option("--data", options->data, "a text");
    app.add_flag("--insecure", options->insecure, "a switch");
    refuse_planned_flags(app, {"--later"});
    return [options](CommandContext& context) {
      context.out << options->ef_construction << ' ' << options->data << (options->insecure ? " insecure" : "");
      return ExitCode::kDone;
    };
  };
  return command;
}

class CommandLineTest : public ::testing::Test {
 protected:
  ExitCode run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    CommandContext context{files_.fs, clock_, in_, out_, err_, false};
    const Command planned{"later", CommandGroup::kOperations, "not yet", "", nullptr};
    return run_command_line(arguments, {echo_command(), planned}, context);
  }

  InputFiles files_;
  test::FakeClock clock_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandLineTest, flags_win_over_the_environment_and_that_over_the_file) {
  const std::string config = files_.write("c.toml", "ef-construction = 30\ndata = \"file\"\n");
  EXPECT_EQ(run({"echo"}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "1 none");
  EXPECT_EQ(run({"echo", "--config", config}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "30 file");
  const ScopedVariable variable("VIBRATO_EF_CONSTRUCTION", "20");
  EXPECT_EQ(run({"echo", "--config", config}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "20 file");
  EXPECT_EQ(run({"echo", "--config", config, "-e", "10"}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "10 file");
}

TEST_F(CommandLineTest, switches_come_from_every_source_too) {
  const ScopedVariable config("VIBRATO_CONFIG", files_.write("c.toml", "insecure = true\n"));
  EXPECT_EQ(run({"echo"}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "1 none insecure");
  const ScopedVariable variable("VIBRATO_INSECURE", "false");
  EXPECT_EQ(run({"echo"}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "1 none");
  EXPECT_EQ(run({"echo", "--insecure"}), ExitCode::kDone);
  EXPECT_EQ(out_.str(), "1 none insecure");
}

TEST_F(CommandLineTest, sections_of_a_file_concern_their_command_only) {
  const std::string config =
      files_.write("c.toml", "ef_construction = 7\n[later]\nunknown = 1\ndata = \"b\"\n[echo]\ndata = \"a\"\n");
  EXPECT_EQ(run({"echo", "--config", config}), ExitCode::kDone) << err_.str();
  EXPECT_EQ(out_.str(), "7 a");
}

TEST_F(CommandLineTest, wrong_usage_exits_2_and_says_what_is_wrong) {
  EXPECT_EQ(run({}), ExitCode::kWrongUsage);
  EXPECT_EQ(run({"nonsense"}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("no command 'nonsense'"));
  EXPECT_EQ(run({"echo", "--nonsense"}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--nonsense"));
  EXPECT_EQ(run({"echo", "--ef-construction", "many"}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--ef-construction"));
  EXPECT_EQ(run({"echo", "-e", "-5"}), ExitCode::kWrongUsage);
  EXPECT_EQ(run({"echo", "-e", "4294967296"}), ExitCode::kWrongUsage);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandLineTest, bad_values_and_names_in_other_sources_are_wrong_usage_too) {
  EXPECT_EQ(run({"echo", "--config", files_.path("absent.toml")}), ExitCode::kWrongUsage);
  EXPECT_EQ(run({"echo", "--config", files_.write("a.toml", "ef-constuction = 1\n")}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("ef-constuction"));
  EXPECT_EQ(run({"echo", "--config", files_.write("b.toml", "ef-construction = many\n")}), ExitCode::kWrongUsage);
  const ScopedVariable number("VIBRATO_EF_CONSTRUCTION", "many");
  EXPECT_EQ(run({"echo"}), ExitCode::kWrongUsage);
  const ScopedVariable config("VIBRATO_CONFIG", files_.path("absent.toml"));
  EXPECT_EQ(run({"echo", "-e", "1"}), ExitCode::kWrongUsage);
}

TEST_F(CommandLineTest, a_line_of_the_file_without_a_value_is_named_by_its_number) {
  const std::string config = files_.write("c.toml", "# a remark\n\n[echo]\ndata = \"a\"\n  ef-construction 7\n");
  EXPECT_EQ(run({"echo", "--config", config}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr(config + ": line 5: expected 'some-name = value', found 'ef-construction 7'"));
  for (const char* const text : {"insecure\n", "= 7\n", "data = \"a\"\n\ninsecure"}) {
    EXPECT_EQ(run({"echo", "--config", files_.write("d.toml", text)}), ExitCode::kWrongUsage) << text;
    EXPECT_THAT(err_.str(), HasSubstr("expected 'some-name = value'")) << text;
  }
  EXPECT_EQ(out_.str(), "");
  const std::string whole = files_.write("e.toml", "; a remark\r\n\r\ndata = \"a\"\r\nef-construction=7\r\n");
  EXPECT_EQ(run({"echo", "--config", whole}), ExitCode::kDone) << err_.str();
  EXPECT_EQ(out_.str(), "7 a");
}

TEST_F(CommandLineTest, what_is_not_built_yet_says_so) {
  EXPECT_EQ(run({"later"}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("not built yet"));
  EXPECT_EQ(run({"echo", "--later", "x"}), ExitCode::kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--later: is not built yet"));
  const ScopedVariable variable("VIBRATO_LATER", "x");
  EXPECT_EQ(run({"echo"}), ExitCode::kDone);
}

TEST_F(CommandLineTest, help_goes_to_stdout_and_exits_0) {
  EXPECT_EQ(run({"--help"}), ExitCode::kDone);
  EXPECT_THAT(out_.str(), HasSubstr("Vector files:\n  echo              says what it was told\n"));
  EXPECT_THAT(out_.str(), HasSubstr("later             not yet (not built yet)"));
  EXPECT_EQ(run({"echo", "--help"}), ExitCode::kDone);
  EXPECT_THAT(out_.str(), HasSubstr("--ef-construction"));
  EXPECT_THAT(out_.str(), HasSubstr("VIBRATO_EF_CONSTRUCTION"));
  EXPECT_THAT(out_.str(), HasSubstr("Examples:\n  vibratod echo --data x"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("--later")));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CommandLineTest, the_version_is_printed) {
  EXPECT_EQ(run({"--version"}), ExitCode::kDone);
  EXPECT_THAT(out_.str(), ::testing::MatchesRegex("vibratod [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(CommandLineTest, exceptions_of_libraries_become_failures) {
  Command command{"throws", CommandGroup::kFiles, "", "", nullptr};
  command.configure = [](CLI::App&) -> CommandBody {
    return [](CommandContext&) -> ExitCode { throw std::bad_alloc(); };
  };
  CommandContext context{files_.fs, clock_, in_, out_, err_, false};
  EXPECT_EQ(run_command_line({"throws"}, {command}, context), ExitCode::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("bad_alloc"));
}

TEST(EnvironmentName, is_the_flag_in_capitals) {
  EXPECT_EQ(environment_name("max-ram-buffer-vectors"), "VIBRATO_MAX_RAM_BUFFER_VECTORS");
  EXPECT_EQ(environment_name("k"), "VIBRATO_K");
}

}  // namespace
}  // namespace vibrato::app
