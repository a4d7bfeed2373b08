// When a log that is too large can become smaller.
#include "engine/log_retention.hpp"

#include <gtest/gtest.h>

#include "support/log_records.hpp"
#include "support/made_catalog.hpp"

namespace vibrato::engine {
namespace {

class LogRetentionTest : public test::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    ASSERT_TRUE(log_);
    while (log_->segments().size() < 4) {
      test::commit_group(*log_, {std::string(100, 'x')}, log_->end().last_time_ms + 1);
    }
  }
  LogRetention retention(const LogRetention::Options& options) { return {*log_, models_, *catalog_, clock_, options}; }

  std::unique_ptr<wal::LocalLog> log_ = test::open_log(disk_, "/wal", test::small_log_options());
  commit::ModelSet models_{{}};
};

TEST_F(LogRetentionTest, can_shrink_once_models_are_durable_beyond_a_segment) {
  LogRetention bounded = retention({.max_bytes = 1});
  EXPECT_TRUE(bounded.is_too_large());
  EXPECT_TRUE(bounded.can_shrink(log_->end().last_lsn, false));
  EXPECT_FALSE(bounded.can_shrink(Lsn(), false));
  EXPECT_FALSE(retention({}).can_shrink(log_->end().last_lsn, false)) << "it has no bound";
}

TEST_F(LogRetentionTest, cannot_shrink_while_a_hold_or_a_bound_keeps_it_all) {
  LogRetention bounded = retention({.max_bytes = 1});
  {
    const LogRetention::Hold hold(bounded, Lsn());
    EXPECT_FALSE(bounded.can_shrink(log_->end().last_lsn, false));
    EXPECT_TRUE(bounded.is_too_large());
  }
  EXPECT_TRUE(bounded.can_shrink(log_->end().last_lsn, false));
  LogRetention kept = retention({.retain_bytes = UINT64_MAX, .retain_ms = INT64_MAX, .max_bytes = 1});
  EXPECT_FALSE(kept.can_shrink(log_->end().last_lsn, false));
  EXPECT_TRUE(kept.can_shrink(log_->end().last_lsn, true)) << "on a full disk that bound keeps nothing";
}

}  // namespace
}  // namespace vibrato::engine
