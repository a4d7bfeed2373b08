#include "app/progress_bar.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <ostream>
#include <utility>

#include "app/text_format.hpp"

namespace vibrato::app {
namespace {

constexpr std::int64_t kBarIntervalNs = 100'000'000;
constexpr std::int64_t kLineIntervalNs = 5'000'000'000;
constexpr int kBarWidth = 24;
constexpr double kShareUnknown = -1;
constexpr double kSecondsForRateMin = 0.001;
constexpr const char* kClearLine = "\r\x1b[2K";

std::uint64_t rate_of(std::uint64_t done, double seconds) {
  return static_cast<std::uint64_t>(static_cast<double>(done) / std::max(seconds, kSecondsForRateMin));
}

}  // namespace

ProgressMode progress_mode(bool is_terminal, bool requested) {
  if (is_terminal) return ProgressMode::kBar;
  return requested ? ProgressMode::kLines : ProgressMode::kOff;
}

ProgressBar::ProgressBar(std::ostream& err, const Clock& clock, ProgressMode mode, std::string label, std::string unit)
    : err_(err),
      clock_(clock),
      mode_(mode),
      label_(std::move(label)),
      unit_(std::move(unit)),
      start_ns_(clock.monotonic_ns()),
      next_draw_ns_(start_ns_ + (mode == ProgressMode::kBar ? kBarIntervalNs : kLineIntervalNs)) {}

ProgressBar::~ProgressBar() {
  interrupt();
}

void ProgressBar::interrupt() {
  const std::lock_guard lock(mutex_);
  if (line_is_open_) err_ << '\n' << std::flush;
  line_is_open_ = false;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  const double share = total == 0 ? kShareUnknown : static_cast<double>(done) / static_cast<double>(total);
  draw(done, total, share);
}

void ProgressBar::update_share(std::uint64_t done, double share) {
  draw(done, 0, share);
}

void ProgressBar::draw(std::uint64_t done, std::uint64_t total, double share) {
  if (mode_ == ProgressMode::kOff) return;
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ns = clock_.monotonic_ns();
  if (now_ns < next_draw_ns_) return;
  next_draw_ns_ = now_ns + (mode_ == ProgressMode::kBar ? kBarIntervalNs : kLineIntervalNs);
  const std::string text = describe(done, total, std::min(share, 1.0), elapsed_seconds());
  if (mode_ == ProgressMode::kLines) {
    err_ << text << '\n' << std::flush;
    return;
  }
  err_ << kClearLine << text << std::flush;
  line_is_open_ = true;
}

std::string ProgressBar::describe(std::uint64_t done, std::uint64_t total, double share, double seconds) const {
  std::string text = label_ + ' ';
  if (share >= 0) {
    if (mode_ == ProgressMode::kBar) {
      const int filled = static_cast<int>(share * kBarWidth);
      text += '[' + std::string(static_cast<std::size_t>(filled), '#') +
              std::string(static_cast<std::size_t>(kBarWidth - filled), '-') + "] ";
    }
    text += fmt::format("{:.1f} %  ", share * 100);
  }
  text += with_thousands(done);
  if (total != 0) text += '/' + with_thousands(total);
  text += fmt::format(" {}  {}/s", unit_, with_thousands(rate_of(done, seconds)));
  if (share > 0) text += "  ETA " + human_duration(static_cast<std::uint64_t>(seconds * (1 - share) / share));
  return text;
}

void ProgressBar::finish(std::uint64_t done) {
  if (mode_ == ProgressMode::kOff) return;
  const std::lock_guard lock(mutex_);
  const double seconds = elapsed_seconds();
  if (line_is_open_) err_ << kClearLine;
  err_ << fmt::format("{} done: {} {} in {:.1f} s, {}/s\n", label_, with_thousands(done), unit_, seconds,
                      with_thousands(rate_of(done, seconds)))
       << std::flush;
  line_is_open_ = false;
}

double ProgressBar::elapsed_seconds() const {
  return static_cast<double>(clock_.monotonic_ns() - start_ns_) / 1e9;
}

}  // namespace vibrato::app
