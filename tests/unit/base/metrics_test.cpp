// Metrics: exact counts from many threads, and the Prometheus text format to the letter.
#include "base/metrics.hpp"

#include <array>
#include <gtest/gtest.h>
#include <limits>

#include "base/parallel_for.hpp"

namespace vibrato {
namespace {

TEST(Metrics, renders_the_prometheus_text_format) {
  MetricsRegistry registry;
  registry.counter("vibrato_requests_total", "Requests answered.", "route=\"/search\",status=\"200\"").add(3);
  registry.counter("vibrato_requests_total", "Requests answered.", "route=\"/ingest\",status=\"200\"").add();
  registry.gauge("vibrato_points", "Points in memory.").set(-5);
  constexpr std::array kBounds = {0.5, 2.0};
  Histogram& seconds = registry.histogram("vibrato_seconds", "Time.", kBounds, "route=\"/search\"");
  seconds.observe(0.25);
  seconds.observe(0.5);
  seconds.observe(1.5);
  seconds.observe(8);
  EXPECT_EQ(registry.render_prometheus(),
            "# HELP vibrato_points Points in memory.\n"
            "# TYPE vibrato_points gauge\n"
            "vibrato_points -5\n"
            "# HELP vibrato_requests_total Requests answered.\n"
            "# TYPE vibrato_requests_total counter\n"
            "vibrato_requests_total{route=\"/ingest\",status=\"200\"} 1\n"
            "vibrato_requests_total{route=\"/search\",status=\"200\"} 3\n"
            "# HELP vibrato_seconds Time.\n"
            "# TYPE vibrato_seconds histogram\n"
            "vibrato_seconds_bucket{route=\"/search\",le=\"0.5\"} 2\n"
            "vibrato_seconds_bucket{route=\"/search\",le=\"2\"} 3\n"
            "vibrato_seconds_bucket{route=\"/search\",le=\"+Inf\"} 4\n"
            "vibrato_seconds_sum{route=\"/search\"} 10.25\n"
            "vibrato_seconds_count{route=\"/search\"} 4\n");
}

TEST(Metrics, a_histogram_without_labels_renders_le_alone) {
  MetricsRegistry registry;
  constexpr std::array kBounds = {1.0};
  registry.histogram("h", "H.", kBounds).observe(1);
  EXPECT_EQ(registry.render_prometheus(),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n");
}

TEST(Metrics, the_same_name_and_labels_are_the_same_instrument) {
  MetricsRegistry registry;
  Counter& first = registry.counter("a_total", "A.", "x=\"1\"");
  EXPECT_EQ(&first, &registry.counter("a_total", "A.", "x=\"1\""));
  EXPECT_NE(&first, &registry.counter("a_total", "A.", "x=\"2\""));
}

TEST(Metrics, counts_are_exact_when_threads_update_and_render_at_once) {
  MetricsRegistry registry;
  parallel_for(4, 4000, 10, [&](std::size_t begin, std::size_t end, std::size_t) {
    Counter& counter = registry.counter("c_total", "C.");
    Gauge& gauge = registry.gauge("g", "G.");
    Histogram& histogram = registry.histogram("h", "H.", latency_bounds_seconds());
    for (std::size_t i = begin; i < end; ++i) {
      counter.add();
      gauge.add(i % 2 == 0 ? 1 : -1);
      histogram.observe(0.5);
    }
    if (begin % 500 == 0) {
      EXPECT_FALSE(registry.render_prometheus().empty());
    }
  });
  EXPECT_EQ(registry.counter("c_total", "C.").value(), 4000U);
  EXPECT_EQ(registry.gauge("g", "G.").value(), 0);
  Histogram& histogram = registry.histogram("h", "H.", latency_bounds_seconds());
  EXPECT_EQ(histogram.count(), 4000U);
  EXPECT_DOUBLE_EQ(histogram.sum(), 2000.0);
}

TEST(Metrics, a_value_past_all_bounds_lands_in_the_last_bucket) {
  constexpr std::array kBounds = {1.0, 2.0};
  Histogram histogram(kBounds);
  histogram.observe(std::numeric_limits<double>::quiet_NaN());
  histogram.observe(3);
  EXPECT_EQ(histogram.bucket(0), 0U);
  EXPECT_EQ(histogram.bucket(1), 0U);
  EXPECT_EQ(histogram.bucket(2), 2U);
}

TEST(MetricsDeathTest, mixing_kinds_or_bad_names_is_a_broken_invariant) {
  MetricsRegistry registry;
  registry.counter("a_total", "A.");
  EXPECT_DEATH(registry.gauge("a_total", "A."), "broken invariant");
  EXPECT_DEATH(registry.counter("0a", "A."), "broken invariant");
  EXPECT_DEATH(registry.counter("", "A."), "broken invariant");
  constexpr std::array kUnsorted = {2.0, 1.0};
  EXPECT_DEATH(registry.histogram("h", "H.", kUnsorted), "broken invariant");
}

TEST(Metrics, gauges_that_are_replaced_show_what_there_is_now) {
  MetricsRegistry registry;
  using Value = MetricsRegistry::LabelledValue;
  registry.replace_gauges("rows", "Rows", std::vector<Value>{{"c=\"b\"", 2}, {"c=\"a\"", 1}});
  EXPECT_EQ(registry.render_prometheus(), "# HELP rows Rows\n# TYPE rows gauge\nrows{c=\"a\"} 1\nrows{c=\"b\"} 2\n");
  registry.replace_gauges("rows", "Rows", std::vector<Value>{{"c=\"b\"", 5}});
  EXPECT_EQ(registry.render_prometheus(), "# HELP rows Rows\n# TYPE rows gauge\nrows{c=\"b\"} 5\n");
  registry.replace_gauges("rows", "Rows", {});
  EXPECT_EQ(registry.render_prometheus(), "");
}

}  // namespace
}  // namespace vibrato
