#include "app/event_lines.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/model_client.hpp"
#include "app/time_text.hpp"
#include "base/limits.hpp"

namespace vibrato::app {
namespace {

constexpr std::size_t kLineBytesMax = 64 * limits::kMiB;

// "...T18:30:00Z" with the milliseconds that time_text() cuts off.
std::string precise_time(std::int64_t time_ms) {
  std::string text = time_text(time_ms);
  text.insert(text.size() - 1, fmt::format(".{:03}", time_ms % 1000));
  return text;
}

}  // namespace

Status EventReader::read(std::string_view piece) {
  text_ += piece;
  std::size_t begin = 0;
  for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', begin)) {
    std::string_view line = std::string_view(text_).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    VIBRATO_RETURN_IF_ERROR(take_line(line));
  }
  text_.erase(0, begin);
  return text_.size() <= kLineBytesMax ? ok_status() : io_error("a line of the stream has more than 64 MiB");
}

void EventReader::restart() {
  text_.clear();
  event_ = {};
}

// A line that begins with ':' is a comment, such as a heartbeat; an empty one ends an event.
Status EventReader::take_line(std::string_view line) {
  if (line.empty()) {
    const StreamEvent event = std::exchange(event_, {});
    return event.data.empty() ? ok_status() : take_(event);
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.type = value;
  if (field == "id") event_.id = value;
  if (field == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  }
  return ok_status();
}

std::string event_line(const StreamEvent& event) {
  const AnswerJson json = AnswerJson::parse(event.data, nullptr, false);
  std::string time = "-";
  std::string data = event.data;
  if (json.is_object()) {
    const auto at = json.find("ts_ms");
    if (at != json.end() && at->is_number_unsigned()) time = precise_time(at->get<std::int64_t>());
    if (json.contains("data")) data = json["data"].dump();
  }
  return fmt::format("{}  {}  {}  {}", event.id.empty() ? "-" : event.id, time, event.type, data);
}

}  // namespace vibrato::app
