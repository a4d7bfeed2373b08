#include "events/log_replay.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace vibrato::events {
namespace {

// Of records of which no event passes the filter: then others have their turn.
constexpr std::size_t kScanBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kRecordBytes = 64;  // Of one without a body, about.

// Trims go on beside this.
constexpr int kTrimTries = 1000;
constexpr auto kTrimWait = std::chrono::milliseconds(1);

}  // namespace

Result<LogReplay::Piece> LogReplay::read(const EventFilter& filter, Lsn visible, Lsn stop_at, std::size_t bytes_max) {
  Piece piece;
  const Status status = fill(filter, visible, stop_at, bytes_max, piece);
  // What came before an error is sent; the error comes again.
  return status.ok() || !piece.text.empty() ? Result<Piece>(std::move(piece)) : Result<Piece>(status);
}

Status LogReplay::fill(const EventFilter& filter, Lsn visible, Lsn stop_at, std::size_t bytes_max, Piece& piece) {
  std::size_t scanned = 0;
  while (piece.text.size() < bytes_max && scanned < kScanBytesMax) {
    if (position_.is_checked && position_.after >= stop_at) {
      piece.is_at_end = true;
      break;
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool found, look(visible, piece));
    if (!found) {
      piece.is_at_end = true;
      break;
    }
    VIBRATO_ASSIGN_OR_RETURN(const auto frame, make_frame(*next_, name_));
    const bool passes = frame.has_value() && filter.passes(*frame);
    if (passes && !piece.text.empty() && piece.text.size() + frame->text.size() > bytes_max) {
      break;
    }
    scanned += kRecordBytes + next_->body.size();
    position_.after = next_->lsn;
    next_.reset();
    if (passes) {
      piece.text += frame->text;
      ++piece.events;
    }
  }
  return ok_status();
}

Result<bool> LogReplay::look(Lsn visible, Piece& piece) {
  while (true) {
    auto found = look_once(visible, piece);
    if (found.status().code() != ErrorCode::kGone) {
      return found;
    }
    VIBRATO_RETURN_IF_ERROR(pass_gap(piece));
  }
}

Result<bool> LogReplay::look_once(Lsn visible, Piece& piece) {
  if (position_.after >= visible) {
    return false;
  }
  if (!position_.is_checked) {
    return check(visible, piece);
  }
  if (!next_.has_value()) {
    if (cursor_ == nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(cursor_, log_.read_from(position_.after.next()));
    }
    VIBRATO_ASSIGN_OR_RETURN(next_, cursor_->next());
  }
  return next_.has_value() && next_->lsn <= visible;
}

// Requires: there are visible records above the position.
Result<bool> LogReplay::check(Lsn visible, Piece& piece) {
  const Lsn since = position_.after;
  position_.is_checked = true;
  if (since == Lsn()) {
    return look_once(visible, piece);
  }
  auto cursor = log_.read_from(since);
  std::optional<wal::StoredRecord> first;
  Status status = cursor.status();
  if (status.ok()) {
    auto record = (*cursor)->next();
    status = record.status();
    if (status.ok()) {
      first = *record;
    }
  }
  if (status.code() == ErrorCode::kGone) {
    return look_once(visible, piece);  // Its own record may be gone, if only the next one is there.
  }
  VIBRATO_RETURN_IF_ERROR(status);
  cursor_ = std::move(*cursor);
  if (first.has_value() && first->lsn > since) {
    add_gap(since, Lsn(first->lsn.value() - 1), piece);
    next_ = first;
  }
  return look_once(visible, piece);
}

// What follows the position was trimmed. Ends only with a cursor that stands on what is kept: were that trimmed before
// it is read, there would be a second gap.
Status LogReplay::pass_gap(Piece& piece) {
  const Lsn from = position_.after.next();
  for (int tries = 0; tries < kTrimTries; ++tries) {
    next_.reset();
    cursor_.reset();
    const Lsn oldest = log_.stats().oldest_lsn;
    if (oldest <= from) {
      std::this_thread::sleep_for(kTrimWait);  // The trim that took it away is not through yet.
      continue;
    }
    auto cursor = log_.read_from(oldest);
    Status status = cursor.status();
    if (status.ok()) {
      auto record = (*cursor)->next();
      status = record.status();
      if (status.ok()) {
        cursor_ = std::move(*cursor);
        next_ = *record;
        position_.after = Lsn(oldest.value() - 1);
        add_gap(from, position_.after, piece);
        return ok_status();
      }
    }
    if (status.code() != ErrorCode::kGone) {
      return status;
    }
  }
  return unavailable("the log is trimmed faster than it can be read");
}

void LogReplay::add_gap(Lsn from, Lsn to, Piece& piece) {
  piece.text += gap_frame(from, to);
  ++piece.gaps;
}

}  // namespace vibrato::events
