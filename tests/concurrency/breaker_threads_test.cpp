// Many threads, one breaker, for a while: what must hold all the time, and what must add up at the end.
#include "race.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <stdexcept>

namespace {

using namespace fusebox;
using namespace fusebox::testing;
using namespace std::chrono_literals;

circuit_breaker_options nervous() {
    circuit_breaker_options o;
    o.consecutive_failures = 2;
    o.window = count_window{8};
    o.open_for = 2ms;
    o.open_jitter = 0;
    o.half_open_calls = 4;
    o.half_open_concurrency = 2;
    o.trial_lease = 0s;
    return o;
}

// What callers did, as they know it themselves.
struct tally {
    std::uint64_t permitted = 0, rejected = 0;
};

// The events of one breaker, checked as they come: in order, one for each generation, one at a time.
class chronicle {
public:
    explicit chronicle(circuit_breaker& b)
        : breaker_(b), listening_(b.subscribe([this](const circuit_event& e) { hear(e); })) {}

    void expect_whole(std::uint64_t first_generation) const {
        const auto s = breaker_.snapshot();
        EXPECT_EQ(faults_, 0);
        EXPECT_EQ(last_generation_, s.generation);
        EXPECT_EQ(last_state_, s.state);
        EXPECT_EQ(transitions_, s.generation - first_generation);
    }

private:
    void hear(const circuit_event& e) {
        faults_ += busy_.exchange(true);  // a second delivery at the same time
        faults_ += sequence_ != 0 && e.sequence != sequence_ + 1;
        sequence_ = e.sequence;
        if (e.is_transition()) {
            faults_ += last_generation_ != 0 &&
                       (e.generation != last_generation_ + 1 || (!e.is_virtual && e.from != last_state_));
            last_generation_ = e.generation;
            if (!e.is_virtual) last_state_ = e.to;
            ++transitions_;
        }
        busy_ = false;
    }

    circuit_breaker& breaker_;
    std::atomic<bool> busy_{false};
    int faults_ = 0;
    std::uint64_t sequence_ = 0, last_generation_ = 0, transitions_ = 0;
    circuit_state last_state_{};
    subscription listening_;
};

// The trials that are out, by generation.
using trials_out = std::array<std::atomic<int>, 4096>;

// Calls a dependency that is ill every other hundred calls; minds how many trials are out.
tally call_for_a_while(circuit_breaker& b, manual_clock& clock, trials_out& trials, std::atomic<int>& faults, int calls,
                       std::uint64_t seed) {
    tally mine;
    splitmix64 chance{seed};
    for (int i = 0; i < calls; ++i) {
        auto permit = b.try_acquire();
        if (!permit) {
            ++mine.rejected;
            faults += permit.error().retry_after < 0ns;
            clock.advance(100us);
            continue;
        }
        ++mine.permitted;
        auto& out = trials[permit->generation() % trials.size()];
        const bool trial = permit->is_trial();
        if (trial) faults += out.fetch_add(1) >= 2;
        const bool ill = i / 100 % 2 == 1;
        const auto fate = chance.next() % 100;
        if (trial) out.fetch_sub(1);
        if (fate < 4) continue;  // abandoned
        if (fate < 8) permit->settle(verdict::ignored);
        else permit->settle(ill ? verdict::failure : verdict::success);
    }
    return mine;
}

TEST(breaker_threads, what_callers_count_is_what_the_breaker_counts) {
    constexpr int callers = 4;
    manual_clock clock;
    circuit_breaker b{"shared", nervous(), &clock};
    chronicle events{b};
    trials_out trials{};
    std::atomic<int> faults{0};
    std::vector<tally> tallies(callers);
    std::barrier<> start{callers};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < callers; ++i)
            threads.emplace_back([&, i] {
                start.arrive_and_wait();
                tallies[std::size_t(i)] = call_for_a_while(b, clock, trials, faults, 50 * rounds(), std::uint64_t(i));
            });
    }
    tally all;
    for (const tally& t : tallies) all.permitted += t.permitted, all.rejected += t.rejected;
    const circuit_totals totals = b.snapshot().totals;
    EXPECT_EQ(faults, 0);
    EXPECT_EQ(totals.rejected, all.rejected);
    EXPECT_EQ(totals.calls(), all.permitted + all.rejected);
    EXPECT_GT(totals.openings, 0u);
    events.expect_whole(1);
}

TEST(breaker_threads, nothing_is_lost_while_operators_reloads_timers_and_observers_are_at_work) {
    manual_clock clock;
    circuit_breaker b{"shared", nervous(), &clock};
    chronicle events{b};
    trials_out trials{};
    std::atomic<int> faults{0};
    std::atomic<bool> over{false};
    tally one, two;
    std::uint64_t least_calls = 0;
    {
        std::vector<std::jthread> threads;
        threads.emplace_back([&] {
            for (int i = 0; !over; ++i) {
                if (i % 3 == 0) b.force_open();
                if (i % 3 == 1) b.metrics_only();
                b.reset();
                auto other = nervous();
                other.window = i % 2 == 0 ? window_options{time_window{4, 10ms}} : window_options{count_window{20}};
                faults += !b.reconfigure(other);
            }
        });
        threads.emplace_back([&] {
            while (!over) {
                b.poll();
                const circuit_snapshot s = b.snapshot();
                faults += s.window.failures > s.window.calls || s.window.calls > 1'000'000;
                faults += s.half_open.in_flight + s.half_open.successes + s.half_open.failures > 4;
                faults += s.totals.calls() < least_calls;  // totals only grow
                least_calls = s.totals.calls();
                static_cast<void>(b.export_state());
                clock.advance(1ms);
            }
        });
        std::jthread other{[&] { two = call_for_a_while(b, clock, trials, faults, 20 * rounds(), 2); }};
        one = call_for_a_while(b, clock, trials, faults, 20 * rounds(), 1);
        other.join();
        over = true;
    }
    const circuit_totals totals = b.snapshot().totals;
    EXPECT_EQ(faults, 0);
    EXPECT_EQ(totals.rejected, one.rejected + two.rejected);
    EXPECT_EQ(totals.calls(), one.permitted + one.rejected + two.permitted + two.rejected);
    events.expect_whole(1);
}

TEST(breaker_threads, a_new_breaker_does_not_inherit_what_threads_counted_for_a_dead_one) {
    std::optional<circuit_breaker> b;
    std::barrier<> meet{3};
    std::atomic<int> faults{0};
    const auto work = [&] {
        for (int r = 0; r < rounds() / 4; ++r) {
            meet.arrive_and_wait();
            for (int i = 0; i < 3; ++i) b->call([] { return 1; });
            meet.arrive_and_wait();
        }
    };
    std::jthread one{work}, two{work};
    for (int r = 0; r < rounds() / 4; ++r) {
        b.emplace("short-lived");
        faults += b->snapshot().totals != circuit_totals{};
        meet.arrive_and_wait();
        meet.arrive_and_wait();
        faults += b->snapshot().totals.successes != 6 || b->snapshot().window.calls != 6;
    }
    one.join();
    two.join();
    EXPECT_EQ(faults, 0);
}

TEST(breaker_threads, threads_that_come_and_go_leave_their_counts_behind) {
    circuit_breaker b{"shared"}, other{"other"};
    const int generations = rounds() / 20;
    for (int r = 0; r < generations; ++r) {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&] {
                b.call([] { return 1; });
                other.call([] { return 1; });
            });
    }
    EXPECT_EQ(b.snapshot().totals.successes, std::uint64_t(3 * generations));
    EXPECT_EQ(other.snapshot().totals.successes, std::uint64_t(3 * generations));
}

TEST(breaker_threads, threads_that_end_while_the_generation_changes_leave_the_window_whole) {
    circuit_breaker_options options;
    options.window = time_window{10, 1h};
    circuit_breaker b{"shared", options};
    std::atomic<bool> over{false};
    std::jthread resetting{[&] {
        while (!over) b.reset();
    }};
    int faults = 0;
    for (int r = 0; r < rounds() / 10; ++r) {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t) threads.emplace_back([&] { b.call([] { return 1; }); });
        faults += b.snapshot().window.calls > std::uint64_t(3 * (r + 1));
    }
    over = true;
    resetting.join();
    EXPECT_EQ(faults, 0);
    EXPECT_EQ(b.snapshot().totals.successes + b.snapshot().totals.late_results, std::uint64_t(3 * (rounds() / 10)));
}

TEST(breaker_threads, a_permit_may_be_settled_by_another_thread) {
    circuit_breaker b{"shared"};
    for (int r = 0; r < rounds() / 20; ++r) {
        auto permit = b.try_acquire();
        ASSERT_TRUE(permit);
        std::jthread{[p = std::move(*permit)]() mutable { p.settle(verdict::success); }}.join();
    }
    EXPECT_EQ(b.snapshot().totals.successes, std::uint64_t(rounds() / 20));
}

TEST(breaker_threads, a_protected_call_may_use_its_own_breaker_in_every_way) {
    circuit_breaker b{"shared", nervous()};
    const auto work = [&] {
        for (int i = 0; i < rounds() / 4; ++i)
            static_cast<void>(b.call([&]() -> std::expected<int, int> {
                static_cast<void>(b.snapshot());
                static_cast<void>(b.call([&] { return b.state(); }));
                if (i % 50 == 0) b.force_open();
                if (i % 50 == 1) b.reset();
                return 1;
            }));
    };
    std::jthread one{work}, two{work};
    one.join();
    two.join();
    b.reset();
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST(breaker_threads, listeners_may_throw_reenter_and_leave_while_others_hear_everything) {
    circuit_breaker b{"shared"};
    chronicle events{b};
    std::atomic<std::uint64_t> throws{0}, reentered{0};
    const auto throwing = b.subscribe([&](const circuit_event&) {
        ++throws;
        throw std::runtime_error("a listener's own trouble");
    });
    const auto reentering = b.subscribe([&](const circuit_event& e) {
        static_cast<void>(b.call([] { return 1; }));
        if (e.to == circuit_state::forced_open && ++reentered % 10 == 0) b.reset();
        EXPECT_GE(b.snapshot().generation, e.generation);
    });
    const auto work = [&] {
        for (int i = 0; i < rounds() / 4; ++i) {
            auto leaving = b.subscribe([](const circuit_event&) {});
            b.force_open();
            leaving.cancel();
            b.reset();
        }
    };
    std::jthread one{work}, two{work};
    one.join();
    two.join();
    // A delivery may still have been on its way when the threads' own calls returned; none is now.
    EXPECT_EQ(b.snapshot().totals.listener_errors, throws);
    EXPECT_GT(throws, 0u);
    events.expect_whole(1);
}

TEST(breaker_threads, a_listener_that_leaves_while_it_is_told_is_not_told_again) {
    circuit_breaker b{"shared"};
    int heard = 0;
    subscription mine;
    mine = b.subscribe([&](const circuit_event&) {
        ++heard;
        mine.cancel();
    });
    b.force_open();
    b.reset();
    EXPECT_EQ(heard, 1);
}

}  // namespace
