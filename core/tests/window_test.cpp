#include <fusebox/backoff.hpp>
#include <fusebox/clock.hpp>
#include <fusebox/detail/threshold.hpp>
#include <fusebox/detail/verdict_window.hpp>
#include <fusebox/random.hpp>

#include <gtest/gtest.h>

using namespace fusebox;
using namespace fusebox::detail;
using namespace std::chrono_literals;

namespace {
time_point at(duration d) {
    return time_point{d};
}
}  // namespace

TEST(count_window, holds_exactly_the_last_n) {
    count_ring w{3};
    w.record(true, false);
    w.record(false, true);
    EXPECT_EQ(w.snapshot(), (window_snapshot{2, 1, 1}));
    w.record(false, false);
    w.record(false, false);
    EXPECT_EQ(w.snapshot(), (window_snapshot{3, 0, 1}));
    w.record(true, true);
    EXPECT_EQ(w.snapshot(), (window_snapshot{3, 1, 1}));
    w.clear();
    EXPECT_EQ(w.snapshot(), window_snapshot{});
}

TEST(count_window, takes_many_successes_as_it_takes_each) {
    for (const std::uint32_t size : {1u, 2u, 31u, 32u, 33u, 100u})
        for (std::uint32_t before = 0; before <= 2 * size; ++before)
            for (const std::uint32_t many : {0u, 1u, 9u, 32u, 40u, 99u, 100u, 1000u}) {
                count_ring one_by_one{size}, at_once{size};
                for (std::uint32_t i = 0; i < before; ++i) {
                    one_by_one.record(i % 3 == 0, i % 5 == 0);
                    at_once.record(i % 3 == 0, i % 5 == 0);
                }
                for (std::uint32_t i = 0; i < many; ++i) one_by_one.record(false, false);
                at_once.record_successes(many);
                for (std::uint32_t i = 0; i < size; ++i) {
                    ASSERT_EQ(at_once.snapshot(), one_by_one.snapshot())
                        << size << ' ' << before << ' ' << many << ' ' << i;
                    one_by_one.record(i % 2 == 0, false);
                    at_once.record(i % 2 == 0, false);
                }
            }
}

TEST(time_window, covers_between_one_less_and_all_of_its_buckets) {
    time_ring w{10, 3s, at(0s)};
    w.add({9, 0, 0});
    w.advance(at(29900ms));
    w.add({0, 10, 2});
    EXPECT_EQ(w.snapshot(), (window_snapshot{19, 10, 2}));
    EXPECT_EQ(w.snapshot(at(30s)), (window_snapshot{10, 10, 2})) << "looked at ahead of time";
    EXPECT_EQ(w.snapshot(), (window_snapshot{19, 10, 2})) << "and not changed by that";
    w.advance(at(30s));
    EXPECT_EQ(w.snapshot(), (window_snapshot{10, 10, 2}));
    EXPECT_EQ(w.bucket_end(), at(33s));
}

TEST(time_window, an_idle_gap_longer_than_it_empties_it) {
    time_ring w{4, 1s, at(0s)};
    w.add({5, 5, 5});
    EXPECT_EQ(w.snapshot(at(100000h)), window_snapshot{});
    w.advance(at(100000h));
    EXPECT_EQ(w.snapshot(), window_snapshot{});
}

TEST(time_window, never_goes_backwards) {
    time_ring w{4, 1s, at(10s)};
    w.advance(at(5s));
    w.add({1, 0, 0});
    EXPECT_EQ(w.snapshot(at(5s)).calls, 1u);
    EXPECT_EQ(w.bucket_end(), at(11s));
}

TEST(time_window, knows_instants_before_the_epoch_and_at_the_end_of_time) {
    time_ring w{3, 1s, at(-1500ms)};
    w.add({1, 0, 0});
    EXPECT_EQ(w.bucket_end(), at(-1s));
    w.advance(at(0s));
    EXPECT_EQ(w.snapshot().calls, 1u);
    w.advance(at(1s));
    EXPECT_EQ(w.snapshot().calls, 0u);
    w.advance(time_point::max());
    EXPECT_EQ(w.bucket_end(), time_point::max());
}

TEST(verdict_window, absorbs_outside_successes_as_its_newest_verdicts) {
    verdict_window w{time_window{2, 1s}, at(0s)};
    w.absorb(7);
    w.record(true, false, at(1s));
    EXPECT_EQ(w.snapshot(), (window_snapshot{8, 1, 0}));
    EXPECT_EQ(w.snapshot(at(2s)), (window_snapshot{1, 1, 0}));
    verdict_window counted{count_window{2}, at(0s)};
    counted.absorb(7);
    counted.record(true, false, at(0s));
    counted.absorb(1);
    EXPECT_EQ(counted.snapshot(), (window_snapshot{2, 1, 0}));
}

TEST(verdict_window, is_indifferent_to_success_when_clean_or_past_its_minimum) {
    verdict_window w{time_window{2, 1s}, at(0s)};
    EXPECT_TRUE(w.indifferent_to_success(3));
    w.record(true, false, at(0s));
    EXPECT_FALSE(w.indifferent_to_success(3)) << "a success that fills the minimum may trip";
    w.record(false, false, at(0s));
    w.record(false, false, at(0s));
    EXPECT_TRUE(w.indifferent_to_success(3));
}

TEST(calls_required, compares_with_at_least_and_reads_rounded_fractions) {
    EXPECT_EQ(calls_required(0.5, 4), 2u);
    EXPECT_EQ(calls_required(0.5, 5), 3u);
    EXPECT_EQ(calls_required(1.0, 7), 7u);
    EXPECT_EQ(calls_required(0.6667, 3), 2u) << "four decimals of two thirds";
    EXPECT_EQ(calls_required(0.67, 3), 3u) << "two decimals are taken at their word";
    EXPECT_EQ(calls_required(0.5, 20001), 10001u) << "exact for large counts";
    EXPECT_EQ(calls_required(0.001, 10), 1u) << "never none";
    EXPECT_EQ(calls_required(0.3, 10), 3u) << "0.3 * 10 in binary is not 3.0000000000000004 failures";
    EXPECT_EQ(calls_required(0.07, 100), 7u);
}

TEST(reaches, agrees_with_calls_required) {
    for (const double threshold : {0.0001, 0.07, 0.3, 0.5, 0.6667, 1.0})
        for (const std::uint64_t calls : {1u, 3u, 10u, 99u, 100u, 20001u})
            for (std::uint64_t part = 0; part <= calls; part += 1 + calls / 300)
                ASSERT_EQ(reaches(threshold, part, calls), part >= calls_required(threshold, calls))
                    << threshold << ' ' << part << '/' << calls;
}

TEST(exponential_backoff, grows_caps_and_survives_the_millionth_attempt) {
    EXPECT_EQ(exponential_backoff(100ms, 2, 2s, 0), 100ms);
    EXPECT_EQ(exponential_backoff(100ms, 2, 2s, 3), 800ms);
    EXPECT_EQ(exponential_backoff(100ms, 2, 2s, 5), 2s);
    EXPECT_EQ(exponential_backoff(100ms, 2, 2s, 1'000'000), 2s);
    EXPECT_EQ(exponential_backoff(1s, 100, duration::max(), 1'000'000), duration::max());
    EXPECT_EQ(exponential_backoff(0s, 2, 2s, 5), 0s);
}

TEST(jittered, stays_within_its_share) {
    EXPECT_EQ(jittered(10s, 0.2, 0.0), 8s);
    EXPECT_EQ(jittered(10s, 0.2, 0.5), 10s);
    EXPECT_EQ(jittered(10s, 0.0, 0.9), 10s);
    EXPECT_EQ(jittered(duration::max(), 0.2, 0.99), duration::max());
}

TEST(splitmix64, gives_the_sequence_of_its_paper) {
    splitmix64 r{1234567};
    EXPECT_EQ(r.next(), 6457827717110365317u);
    EXPECT_EQ(r.next(), 3203168211198807973u);
    for (int i = 0; i < 1000; ++i) {
        const double u = r.unit();
        EXPECT_TRUE(u >= 0.0 && u < 1.0);
    }
    EXPECT_NE(fresh_seed(), fresh_seed());
}

TEST(monotonic_clock, the_coarse_reading_is_never_ahead) {
    for (int i = 0; i < 1000; ++i) {
        const auto coarse = coarse_now();
        EXPECT_LE(coarse, steady_now());
    }
    EXPECT_EQ(saturating_add(time_point::max() - 1s, 2s), time_point::max());
    EXPECT_EQ(saturating_add(at(1s), 2s), at(3s));
}
