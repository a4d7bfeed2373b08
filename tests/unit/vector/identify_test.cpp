// Runs of frames: the gates of a recogniser, and what breaks a run.
#include "vector/identify.hpp"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/made_collection.hpp"

namespace vibrato::vector {
namespace {

using test::MadeCollection;
using test::number_id;

constexpr std::uint32_t kFrameDim = 32;
constexpr std::uint32_t kTrackFrames = 400;
constexpr std::uint32_t kTracks = 3;

using Frame = std::vector<float>;

Frame unit(Frame frame) {
  double norm = 0;
  for (const float value : frame) {
    norm += static_cast<double>(value) * static_cast<double>(value);
  }
  for (float& value : frame) {
    value = static_cast<float>(static_cast<double>(value) / std::sqrt(norm));
  }
  return frame;
}

// Tracks whose frames drift, as those of sound do.
class Identify : public ::testing::Test {
 protected:
  Identify() : random_(17), made_(test::small_settings(kFrameDim, Metric::kDot)) {}

  // In one hot part or, with `in_parts`, in two sealed ones and a hot one, with runs over their borders.
  void put_tracks(bool in_parts = false) {
    for (std::uint32_t track = 0; track < kTracks; ++track) {
      Frame here = made_frame();
      for (std::uint32_t i = 0; i < kTrackFrames; ++i) {
        for (float& value : here) {
          value += 0.35F * static_cast<float>(random_.normal());
        }
        here = unit(here);
        frames_.push_back(here);
        made_.put(number_id(frames_.size() - 1), here, fmt::format(R"({{"source_file":"track {}"}})", track));
        if (in_parts && (frames_.size() == 350 || frames_.size() == 900)) {
          made_.publish();
          made_.seal();
        }
      }
    }
    made_.publish();
  }

  Frame made_frame() {
    Frame frame(kFrameDim);
    for (float& value : frame) {
      value = static_cast<float>(random_.normal());
    }
    return unit(frame);
  }

  IdentifyRequest request_of(std::uint32_t first, std::uint32_t count, float sigma = 0) {
    IdentifyRequest request;
    for (std::uint32_t i = first; i < first + count; ++i) {
      Frame frame = frames_[i];
      for (float& value : frame) {
        value += sigma * static_cast<float>(random_.normal());
      }
      request.frames.push_back(sigma > 0 ? unit(frame) : frame);
    }
    return request;
  }

  // The place of the true run among the answers; -1 if it is not there.
  int place_of(std::uint32_t first, const IdentifyRequest& request) {
    const auto runs = identify(*made_, request);
    EXPECT_OK(runs);
    for (std::size_t i = 0; i < runs->size(); ++i) {
      if ((*runs)[i].id == first) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  Random random_;
  MadeCollection made_;
  std::vector<Frame> frames_;
};

TEST_F(Identify, finds_exact_runs_first_and_noisy_ones_among_three) {
  put_tracks(true);
  constexpr std::uint32_t kProbes = 200;
  constexpr std::uint32_t kFrames = 8;
  int exact = 0;
  int noisy = 0;
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    const auto track = static_cast<std::uint32_t>(random_.below(kTracks));
    const auto first = track * kTrackFrames + static_cast<std::uint32_t>(random_.below(kTrackFrames - kFrames + 1));
    exact += place_of(first, request_of(first, kFrames)) == 0 ? 1 : 0;
    const int place = place_of(first, request_of(first, kFrames, 0.03F));
    noisy += place >= 0 && place < 3 ? 1 : 0;
  }
  EXPECT_GE(exact, 0.995 * kProbes);
  EXPECT_GE(noisy, 0.90 * kProbes);
}

TEST_F(Identify, tells_tracks_apart) {
  put_tracks();
  int found = 0;
  for (std::uint32_t track = 0; track < kTracks; ++track) {
    for (std::uint32_t probe = 0; probe < 6; ++probe) {
      const std::uint32_t first = track * kTrackFrames + probe * 60;
      found += place_of(first, request_of(first, 10)) == 0 ? 1 : 0;
    }
  }
  EXPECT_EQ(found, 18);
}

TEST_F(Identify, silence_with_one_spike_is_like_nothing) {
  put_tracks();
  IdentifyRequest request;
  request.frames.assign(10, Frame(kFrameDim));
  request.frames[5] = frames_[200];
  const auto runs = identify(*made_, request);
  ASSERT_OK(runs);
  ASSERT_FALSE(runs->empty());
  EXPECT_LT((*runs)[0].score, 0.2F);
}

TEST_F(Identify, a_missing_frame_and_another_recording_break_a_run) {
  put_tracks();
  EXPECT_EQ(place_of(100, request_of(100, 6)), 0);
  EXPECT_EQ(place_of(kTrackFrames - 2, request_of(kTrackFrames - 2, 4)), -1);
  made_.erase(number_id(103));
  made_.publish();
  EXPECT_EQ(place_of(100, request_of(100, 6)), -1);
  EXPECT_EQ(place_of(104, request_of(104, 6)), 0);
}

TEST_F(Identify, every_frame_must_match_the_filter) {
  put_tracks();
  IdentifyRequest request = request_of(450, 5);
  filter::MatchAny first_track{{"source_file", {"source_file"}}, {filter::Scalar(std::string("track 0"))}};
  request.filter = filter::Filter{first_track};
  const auto runs = identify(*made_, request);
  ASSERT_OK(runs);
  for (const auto& run : *runs) {
    EXPECT_LE(run.id + 5, kTrackFrames);
  }
  first_track.values.assign(1, filter::Scalar(std::string("track 1")));
  request.filter = filter::Filter{first_track};
  EXPECT_EQ(place_of(450, request), 0);
}

TEST_F(Identify, refuses_what_it_cannot_compare) {
  put_tracks();
  IdentifyRequest request = request_of(0, 2);
  request.frames[1].pop_back();
  EXPECT_EQ(identify(*made_, request).status().code(), ErrorCode::kDimMismatch);
  MadeCollection cosine(test::small_settings(kFrameDim, Metric::kCosine));
  request = request_of(0, 2);
  request.frames[1].assign(kFrameDim, 0);
  EXPECT_EQ(identify(*cosine, request).status().code(), ErrorCode::kInvalidArgument);
  request.allows_silence = true;
  EXPECT_OK(identify(*cosine, request));
  MadeCollection l2(test::small_settings(kFrameDim, Metric::kL2));
  EXPECT_EQ(identify(*l2, request_of(0, 1)).status().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::vector
