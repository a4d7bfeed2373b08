#include "app/model_client.hpp"

#include <fmt/core.h>
#include <istream>
#include <iterator>
#include <ostream>

#include "app/remote_server.hpp"
#include "app/text_file.hpp"
#include "base/limits.hpp"
#include "format/json_depth.hpp"

namespace vibrato::app {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

Result<std::string> text_of_stdin(CommandContext& context) {
  std::string text;
  char c = 0;
  while (context.in.get(c)) {
    if (text.size() == limits::kBodyBytesDefault) return invalid_argument("stdin has more than 32 MiB");
    text += c;
  }
  return text;
}

AnswerJson parse_bounded(std::string_view text) {
  return format::json_depth(text) > kAnswerDepthMax ? AnswerJson(AnswerJson::value_t::discarded)
                                                    : AnswerJson::parse(text, nullptr, false);
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_plain(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

Result<std::string> text_of_argument(CommandContext& context, const std::string& argument) {
  if (argument == "-") return text_of_stdin(context);
  return argument.starts_with('@') ? read_text_file(context.fs, argument.substr(1), limits::kBodyBytesDefault)
                                   : Result<std::string>(argument);
}

Result<std::string> json_of_argument(CommandContext& context, const std::string& name, const std::string& argument) {
  VIBRATO_ASSIGN_OR_RETURN(std::string text, text_of_argument(context, argument));
  if (parse_bounded(text).is_discarded()) {
    return invalid_argument(name + " is not valid JSON; a text has quotes of its own: '\"text\"'");
  }
  return text;
}

Result<AnswerJson> parse_answer(std::string_view text) {
  AnswerJson answer = parse_bounded(text);
  if (answer.is_discarded()) return io_error("the server's answer is no JSON; is --server a vibratod?");
  return answer;
}

Status put_line(CommandContext& context, std::string_view line) {
  context.out << line << '\n';
  return context.out.good() ? ok_status() : io_error("stdout takes no more");
}

ExitCode finish(CommandContext& context, const Outcome& outcome) {
  if (outcome.status.ok()) return ExitCode::kDone;
  return outcome.is_misuse ? refuse_usage(context, outcome.status.message()) : fail(context, outcome.status);
}

}  // namespace vibrato::app
