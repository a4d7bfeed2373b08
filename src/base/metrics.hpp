// Counters, gauges and histograms, rendered as the text that Prometheus reads.
// Invariant: updating an instrument takes no lock and never fails; the registry's lock is taken to register and to
// render only. Names are fixed strings of our own code, and so are labels, but for those of replace_gauges().
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vibrato {

// Thread-safety of all instruments: every method may be called from many threads at once.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Histogram {
 public:
  // Bucket i counts the observations <= bounds[i]; one more bucket counts the rest.
  // Requires: bounds strictly increasing and finite.
  explicit Histogram(std::span<const double> bounds);

  void observe(double value);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  // Observations in bucket i alone (not cumulative). Requires: i <= bounds().size().
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> buckets_;
  std::atomic<double> sum_{0};
};

// Upper bounds in seconds from 50 microseconds to 10 seconds, for latencies.
[[nodiscard]] std::span<const double> latency_bounds_seconds();

// Owns the instruments; references it gives out stay valid as long as it lives. Asking again for the same name and
// labels gives the same instrument. Thread-safety: all methods may be called from many threads at once.
class MetricsRegistry {
 public:
  // `name` matches [a-zA-Z_:][a-zA-Z0-9_:]*; `labels` is empty or the inside of the braces: `route="/search"`.
  // Requires: one kind (and one set of bounds) a name.
  Counter& counter(std::string_view name, std::string_view help, std::string_view labels = "");
  Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels = "");
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       std::string_view labels = "");

  struct LabelledValue {
    std::string labels;  // As above. Requires: no quote, backslash or line break inside a value.
    std::int64_t value = 0;
  };
  // One gauge for each of what there is now, such as collections: those of the call before are gone. The name belongs
  // to these calls alone.
  void replace_gauges(std::string_view name, std::string_view help, std::span<const LabelledValue> values);

  // Sorted by name, then labels.
  [[nodiscard]] std::string render_prometheus() const;

 private:
  using Instrument = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;
  struct Family {
    std::string help;
    std::map<std::string, Instrument, std::less<>> by_labels;
  };

  template <typename Kind, typename... Args>
  Kind& find_or_add(std::string_view name, std::string_view help, std::string_view labels, Args&&... args);

  mutable std::mutex mutex_;  // Guards families_, not the values inside the instruments.
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace vibrato
