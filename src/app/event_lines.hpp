// The events of a stream (text/event-stream) that arrives in pieces, each as a line.
// Source: https://html.spec.whatwg.org, server-sent events.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vibrato/status.hpp>

namespace vibrato::app {

struct StreamEvent {
  std::string type;
  std::string id;    // Empty for one without.
  std::string data;  // JSON text on one line, as the server sends it.
};

// Thread-safety: one thread at a time.
class EventReader {
 public:
  using Take = std::function<Status(const StreamEvent& event)>;
  explicit EventReader(Take take) : take_(std::move(take)) {}

  // Pieces in order. Errors: those of `take`; kIoError for a line past 64 MiB.
  [[nodiscard]] Status read(std::string_view piece);
  // Forgets what has come of an event: another connection begins.
  void restart();

 private:
  [[nodiscard]] Status take_line(std::string_view line);

  Take take_;
  std::string text_;
  StreamEvent event_;
};

// "7  2026-11-22T00:00:00.000Z  state_updated  {...}", with two blanks between. What lacks a time has a "-".
[[nodiscard]] std::string event_line(const StreamEvent& event);

}  // namespace vibrato::app
