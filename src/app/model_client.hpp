// What the commands for state, documents, SQL and events share: JSON from a flag, a file or stdin, paths of URLs, and
// what a server answers, as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "app/command.hpp"

namespace vibrato::app {

// Members stay in the order of the server.
using AnswerJson = nlohmann::ordered_json;

// `text` as one segment of a path, or one value of a query string.
[[nodiscard]] std::string percent_encoded(std::string_view text);

// The text itself; of "@FILE" what the file holds, of "-" what stdin does. Errors: those of the file; kInvalidArgument
// past kTextFileBytesMax of a file, 32 MiB of stdin.
[[nodiscard]] Result<std::string> text_of_argument(CommandContext& context, const std::string& argument);

// The same, which must be JSON. `name` is what the help calls it. Errors: kInvalidArgument for what is no JSON.
[[nodiscard]] Result<std::string> json_of_argument(CommandContext& context, const std::string& name,
                                                   const std::string& argument);

// A server's answer; what is nested deeper than any answer is left out. Errors: kIoError for what is no JSON.
[[nodiscard]] Result<AnswerJson> parse_answer(std::string_view text);

// Refuses what stdout did not take. Errors: kIoError.
[[nodiscard]] Status put_line(CommandContext& context, std::string_view line);

// kWrongUsage for what was asked wrongly before anything was sent, kFailed for the rest, kDone.
struct Outcome {
  Status status;
  bool is_misuse = false;
};
[[nodiscard]] ExitCode finish(CommandContext& context, const Outcome& outcome);
[[nodiscard]] inline Outcome misuse(Status status) {
  return {std::move(status), true};
}

}  // namespace vibrato::app
