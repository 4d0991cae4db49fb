// Every call that was admitted is counted once, whatever becomes of it.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/random.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

std::uint64_t ended(const circuit_snapshot& s) {
    const circuit_totals& t = s.totals;
    // A lost trial is taken for a failure, and is under way all the same.
    return t.successes + t.failures - s.lost_trials + t.ignored + t.abandoned + t.late_results;
}

// Calls that begin, end, are forgotten, come back late; and an operator who is never content.
class history {
public:
    history(const circuit_breaker_options& o, std::uint64_t seed) : breaker_("b", o, &clock_), random_(seed) {}

    void step() {
        switch (random_.next() % 12) {
            case 0: return clock_.advance(1ms * (random_.next() % 4000));
            case 1: return clock_.advance(10s);
            case 2: return operate();
            case 3: return breaker_.poll();
            case 4:
            case 5: return end(report{verdict::failure, some(duration::max())});
            case 6: return end(report{verdict::success, some(3s)});
            case 7: return end(random_.next() % 2 == 0 ? std::optional<report>{verdict::ignored} : std::nullopt);
            default: return begin();
        }
    }
    void end_all() {
        while (!running_.empty()) end(report{verdict::success});
    }
    void check() const {
        const circuit_snapshot s = breaker_.snapshot();
        ASSERT_EQ(admitted_, ended(s) + running_.size());
        ASSERT_LE(s.lost_trials, s.totals.failures);
        if (!breaker_.options()->slow_call_duration) {
            ASSERT_EQ(s.totals.slow_calls, 0u);
        }
    }
    circuit_totals totals() const { return breaker_.snapshot().totals; }

private:
    std::optional<duration> some(duration d) { return random_.next() % 2 == 0 ? std::optional{d} : std::nullopt; }

    void begin() {
        if (auto p = breaker_.try_acquire()) {
            ++admitted_;
            running_.push_back(std::move(*p));
        }
    }
    void end(std::optional<report> how) {
        if (running_.empty()) return;
        const auto at = running_.begin() + std::ptrdiff_t(random_.next() % running_.size());
        if (how) at->settle(*how);
        running_.erase(at);
    }
    // Not disable(): what passes then is not recorded.
    void operate() {
        switch (random_.next() % 8) {
            case 0: return breaker_.force_open();
            case 1: return breaker_.metrics_only();
            case 2: return (void)breaker_.import_state(breaker_.export_state());
            default: return breaker_.reset();
        }
    }

    fusebox::testing::manual_clock clock_{1h};
    circuit_breaker breaker_;
    splitmix64 random_;
    std::vector<circuit_breaker::permit> running_;
    std::uint64_t admitted_ = 0;
};

}  // namespace

TEST(counts, what_was_admitted_has_ended_in_one_way_or_is_running_in_every_history) {
    const circuit_breaker_options all[] = {
        {.consecutive_failures = 1, .open_for = 1s, .half_open_calls = 1, .trial_lease = 2s},
        {.failure_rate_threshold = 0.9,
         .minimum_calls = 2,
         .open_for = 1s,
         .half_open_calls = 4,
         .half_open_concurrency = 4,
         .trial_lease = 5s},
        {.slow_call_duration = 2s, .minimum_calls = 3, .open_for = 1s, .ramp = {.shares = {0.5}, .calls_per_step = 3}},
    };
    std::uint64_t late = 0, reclaimed = 0;
    for (const auto& o : all)
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            SCOPED_TRACE(seed);
            history h{o, seed};
            for (int i = 0; i < 200; ++i) {
                h.step();
                ASSERT_NO_FATAL_FAILURE(h.check());
            }
            h.end_all();
            ASSERT_NO_FATAL_FAILURE(h.check());
            late += h.totals().late_results;
            reclaimed += h.totals().trials_reclaimed;
        }
    EXPECT_GT(late, 1000u) << "or nothing was tried";
    EXPECT_GT(reclaimed, 100u);
}

TEST(counts, a_reclaimed_trial_that_comes_back_is_one_call_and_late) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"b", {.consecutive_failures = 1, .open_jitter = 0, .half_open_calls = 1}, &clock};
    b.try_acquire()->settle(verdict::failure);
    clock.advance(5s);
    auto trial = b.try_acquire();
    clock.advance(10s);
    EXPECT_EQ(b.snapshot().totals.failures, 2u);
    EXPECT_EQ(b.snapshot().lost_trials, 1u);
    trial->settle(verdict::success);
    EXPECT_EQ(b.snapshot().totals.calls(), 2u);
    EXPECT_EQ(b.snapshot().totals.failures, 1u);
    EXPECT_EQ(b.snapshot().totals.late_results, 1u);
    EXPECT_EQ(b.snapshot().lost_trials, 0u);
}

TEST(counts, no_call_is_slow_while_the_slow_rule_is_off) {
    circuit_breaker b{"b"};
    for (const duration d : {duration{0}, duration{1h}, duration::max()}) {
        b.try_acquire()->settle({verdict::failure, d});
        b.try_acquire()->settle({verdict::success, d});
    }
    EXPECT_EQ(b.snapshot().totals.slow_calls, 0u);
    EXPECT_EQ(b.snapshot().window, (window_snapshot{6, 3, 0}));
}
