// A log of users' events, and clients of a hub that read as fast or as slowly as a test wants.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/logging.hpp"
#include "commit/visible_lsn.hpp"
#include "events/event_frame.hpp"
#include "events/event_hub.hpp"
#include "format/event_record.hpp"
#include "support/log_records.hpp"
#include "support/status_matchers.hpp"
#include "wal/local_log.hpp"

namespace vibrato::test {

// Appends one group of records of user's events, whose data is `text`, and makes it durable. Answers the last LSN.
inline Lsn append_events(wal::Log& log, const std::vector<std::string>& texts, std::int64_t time_ms = 1000) {
  std::vector<std::vector<std::byte>> bodies;
  std::vector<wal::Record> records;
  bodies.reserve(texts.size());
  for (const std::string& text : texts) {
    bodies.push_back(format::encode_user_event({"made", text}));
    records.push_back({format::kUserEventRecord, CollectionNumber(), time_ms, bodies.back()});
  }
  const wal::RecordGroup group(records);
  const auto range = log.append(std::span(&group, 1), log.end().last_lsn);
  EXPECT_OK(range);
  EXPECT_OK(log.sync());
  return range.ok() ? range->last : Lsn();
}

// All that a stream is to get of the log, from what is kept of it.
inline std::string all_frames(wal::Log& log, Lsn after, Lsn up_to) {
  std::string text;
  const auto cursor = log.read_from(after.next());
  EXPECT_OK(cursor);
  while (cursor.ok()) {
    const auto record = (*cursor)->next();
    EXPECT_OK(record);
    if (!record.ok() || !record->has_value() || (*record)->lsn > up_to) break;
    const auto frame = events::make_frame(**record, [](CollectionNumber) { return Result<std::string>("c"); });
    EXPECT_OK(frame);
    if (frame.ok() && frame->has_value()) text += (*frame)->text;
  }
  return text;
}

// What a client of a stream has got. Thread-safe.
class MadeReader {
 public:
  // With `holds` nothing is taken from the wire before let_go().
  explicit MadeReader(bool holds = false) : holds_(holds) {}

  [[nodiscard]] static std::unique_ptr<events::EventSink> sink(const std::shared_ptr<MadeReader>& reader) {
    return std::make_unique<Sink>(reader);
  }
  void let_go() {
    std::function<void()> room;
    {
      const std::lock_guard lock(mutex_);
      holds_ = false;
      room.swap(room_);
    }
    if (room) room();
  }
  // Takes what is on the wire, and holds again.
  void take_one() {
    std::function<void()> room;
    {
      const std::lock_guard lock(mutex_);
      room.swap(room_);
    }
    if (room) room();
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      has_left_ = true;
    }
    let_go();
  }
  [[nodiscard]] std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  [[nodiscard]] std::size_t largest_write() {
    const std::lock_guard lock(mutex_);
    return largest_;
  }
  [[nodiscard]] bool has_ended() {
    const std::lock_guard lock(mutex_);
    return has_ended_;
  }
  [[nodiscard]] bool was_cut_off() {
    const std::lock_guard lock(mutex_);
    return was_cut_off_;
  }
  // Waits until `is_enough(text, ended)`. False if that does not come.
  bool wait(const std::function<bool(const std::string& text, bool has_ended)>& is_enough) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return is_enough(text_, has_ended_); });
  }
  bool wait_for_size(std::size_t bytes) {
    return wait([bytes](const std::string& text, bool) { return text.size() >= bytes; });
  }
  bool wait_for_end() {
    return wait([](const std::string&, bool has_ended) { return has_ended; });
  }

 private:
  class Sink final : public events::EventSink {
   public:
    explicit Sink(std::shared_ptr<MadeReader> to) : to_(std::move(to)) {}
    ~Sink() override { to_->end(true); }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    bool write(std::string&& text) override { return to_->write(text); }
    void when_room(std::function<void()> then) override { to_->when_room(std::move(then)); }
    void finish() override { to_->end(false); }
    void cut_off() override { to_->end(true); }

   private:
    const std::shared_ptr<MadeReader> to_;
  };

  bool write(const std::string& text) {
    const std::lock_guard lock(mutex_);
    text_ += text;
    largest_ = std::max(largest_, text.size());
    changed_.notify_all();
    return !has_left_;
  }
  void when_room(std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      if (holds_) {
        room_ = std::move(then);
        return;
      }
    }
    then();
  }
  void end(bool is_cut) {
    const std::lock_guard lock(mutex_);
    was_cut_off_ = was_cut_off_ || (is_cut && !has_ended_);
    has_ended_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;  // Guards the members below.
  std::condition_variable changed_;
  bool holds_;
  bool has_left_ = false;
  bool has_ended_ = false;
  bool was_cut_off_ = false;
  std::size_t largest_ = 0;
  std::string text_;
  std::function<void()> room_;
};

}  // namespace vibrato::test
