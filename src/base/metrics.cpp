#include "base/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <vibrato/check.hpp>

namespace vibrato {
namespace {

constexpr std::array kLatencyBoundsSeconds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                              0.05,    0.1,    0.25,    0.5,    1.0,   2.5,    5.0,   10.0};

bool is_metric_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string_view kind_name(std::size_t variant_index) {
  constexpr std::array<std::string_view, 3> kNames = {"counter", "gauge", "histogram"};
  return kNames[variant_index];
}

std::string braces(std::string_view labels) {
  return labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
}

void render(std::string& out, std::string_view name, std::string_view labels, const Counter& counter) {
  fmt::format_to(std::back_inserter(out), "{}{} {}\n", name, braces(labels), counter.value());
}

void render(std::string& out, std::string_view name, std::string_view labels, const Gauge& gauge) {
  fmt::format_to(std::back_inserter(out), "{}{} {}\n", name, braces(labels), gauge.value());
}

void render(std::string& out, std::string_view name, std::string_view labels, const Histogram& histogram) {
  const std::string_view comma = labels.empty() ? "" : ",";
  // The count is the sum of the buckets just read, so that a scrape during updates still adds up.
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    cumulative += histogram.bucket(i);
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                   histogram.bounds()[i], cumulative);
  }
  cumulative += histogram.bucket(histogram.bounds().size());
  fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, comma, cumulative);
  fmt::format_to(std::back_inserter(out), "{}_sum{} {}\n", name, braces(labels), histogram.sum());
  fmt::format_to(std::back_inserter(out), "{}_count{} {}\n", name, braces(labels), cumulative);
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), buckets_(bounds.size() + 1) {
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    VIBRATO_CHECK(std::isfinite(bounds_[i]));
    VIBRATO_CHECK(i == 0 || bounds_[i - 1] < bounds_[i]);
  }
}

void Histogram::observe(double value) {
  // A NaN compares below nothing and lands in the last bucket.
  const auto bound = std::find_if(bounds_.begin(), bounds_.end(), [value](double limit) { return value <= limit; });
  buckets_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) {
    total += bucket.load(std::memory_order_relaxed);
  }
  return total;
}

std::span<const double> latency_bounds_seconds() {
  return kLatencyBoundsSeconds;
}

template <typename Kind, typename... Args>
Kind& MetricsRegistry::find_or_add(std::string_view name, std::string_view help, std::string_view labels,
                                   Args&&... args) {
  VIBRATO_CHECK(is_metric_name(name));
  const std::lock_guard lock(mutex_);
  Family& family = families_.try_emplace(std::string(name), Family{std::string(help), {}}).first->second;
  if (!family.by_labels.empty()) {
    VIBRATO_CHECK(std::holds_alternative<std::unique_ptr<Kind>>(family.by_labels.begin()->second));
  }
  auto found = family.by_labels.find(labels);
  if (found == family.by_labels.end()) {
    auto made = std::make_unique<Kind>(std::forward<Args>(args)...);
    found = family.by_labels.emplace(std::string(labels), std::move(made)).first;
  }
  return *std::get<std::unique_ptr<Kind>>(found->second);
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_add<Counter>(name, help, labels);
}

Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_add<Gauge>(name, help, labels);
}

Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                                      std::string_view labels) {
  Histogram& found = find_or_add<Histogram>(name, help, labels, bounds);
  VIBRATO_CHECK(std::ranges::equal(found.bounds(), bounds));
  return found;
}

void MetricsRegistry::replace_gauges(std::string_view name, std::string_view help,
                                     std::span<const LabelledValue> values) {
  VIBRATO_CHECK(is_metric_name(name));
  const std::lock_guard lock(mutex_);
  if (values.empty()) {
    const auto found = families_.find(name);
    if (found != families_.end()) {
      families_.erase(found);
    }
    return;
  }
  Family family{std::string(help), {}};
  for (const LabelledValue& value : values) {
    auto gauge = std::make_unique<Gauge>();
    gauge->set(value.value);
    family.by_labels.insert_or_assign(value.labels, std::move(gauge));
  }
  families_.insert_or_assign(std::string(name), std::move(family));
}

std::string MetricsRegistry::render_prometheus() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                   kind_name(family.by_labels.begin()->second.index()));
    for (const auto& [labels, instrument] : family.by_labels) {
      std::visit(
          [&, &label_text = labels, &metric = name](const auto& held) { render(out, metric, label_text, *held); },
          instrument);
    }
  }
  return out;
}

}  // namespace vibrato
