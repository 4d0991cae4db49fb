// Whatever happens to an exchange, in whatever order: one answer, every attempt ended once, everything given back, and
// silence after the end.
#include "route_machine.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace fusebox::gateway {

namespace {

using namespace std::chrono_literals;

// Walks at random through exchanges of one route, and keeps the books.
class walker : public route_machine {
public:
    explicit walker(std::uint32_t seed) : random_(seed) {
        if (chance(60)) {
            auto& retry = route().retry.emplace();
            retry.options.max_attempts = 2 + below(3);
            retry.on.timeout = chance(50);
        }
        if (chance(50)) route().hedge.emplace().delay = 20ms;
        if (chance(60)) {
            auto& breaker = route().circuit_breaker.emplace();
            breaker.options.consecutive_failures = 3;
            breaker.scope.per = chance(50) ? breaker_scope::kind::endpoint : breaker_scope::kind::upstream;
        }
        if (chance(40)) route().bulkhead.emplace(bulkhead_options{.max_concurrent = 1 + below(2)});
        if (chance(40)) {
            auto& instead = route().fallback.emplace();
            if (chance(50)) instead.upstream = "spare";
            if (chance(50)) instead.stale_if_error = 1h;
            if (chance(50) || (!instead.upstream && !instead.stale_if_error)) instead.then.emplace();
        }
        if (chance(30)) route().cache.emplace();
        make();
    }

    void one_request() {
        asked_.clear();
        answers_ = 0;
        over_ = lost_ = looking_up_ = looking_for_stale_ = false;
        waits_.clear();
        choosing_.clear();
        relaying_ = 0;
        take(machine.begin(planned(), {.idempotent = chance(80), .whole = chance(80)}, clock.now()));
        for (int steps = 0; !over_ && steps < 500; ++steps) step();
        ASSERT_TRUE(over_) << "an exchange without an end";
        EXPECT_EQ(answers_ + (lost_ ? 1 : 0), 1 + (lost_ && answers_ > 0 ? 1 : 0)) << "one answer";
        for (const auto& [n, open] : asked_) EXPECT_FALSE(open) << "attempt " << n << " was not ended";
        take(machine.resume({.kind = event::time}, clock.now()));
        take(machine.resume({.kind = event::client_lost}, clock.now()));
        machine.forget();
        if (const auto held = planned().policies.find<bulkhead>(); held != nullptr) {
            EXPECT_EQ(held->snapshot().in_use, 0u);
            EXPECT_EQ(held->snapshot().queued, 0u);
        }
        if (const auto again = planned().policies.find<fusebox::retry>(); again && again->budget()) {
            EXPECT_EQ(again->budget()->snapshot(clock.now()).held, 0u);
        }
        if (planned().breaker) {
            EXPECT_EQ(planned().breaker->snapshot().half_open.in_flight, 0u);
        }
    }

private:
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    bool chance(int of) { return below(100) < static_cast<std::uint32_t>(of); }

    void take(action a) {
        for (; a.kind != action::none; a = machine.resume({}, clock.now())) note(a);
    }

    void note(const action& a) {
        ASSERT_FALSE(over_) << "after the end: " << text_of(a);
        switch (a.kind) {
            case action::look_up: looking_up_ = true; break;
            case action::look_for_stale: looking_for_stale_ = true; break;
            case action::wait:
                if (a.at == time_point::max()) waits_.erase(a.attempt);
                else waits_[a.attempt] = a.at;
                break;
            case action::choose: choosing_.push_back(a.attempt); break;
            case action::ask:
                ASSERT_FALSE(asked_[a.attempt]) << "asked twice";
                asked_[a.attempt] = true;
                break;
            case action::rest:
            case action::lose:
            case action::finish:
                asked_[a.attempt] = false;
                waits_.erase(a.attempt);
                std::erase(choosing_, a.attempt);
                if (relaying_ == a.attempt) relaying_ = 0;
                break;
            case action::relay:
            case action::tunnel:
                ASSERT_TRUE(asked_[a.attempt]);
                ++answers_;
                relaying_ = a.attempt;
                break;
            case action::give_kept:
            case action::give_fixed:
            case action::refuse: ++answers_; break;
            case action::over: over_ = true; break;
            default: break;
        }
    }

    void step() {
        clock.advance(std::chrono::milliseconds{below(30)});
        if (looking_up_) {
            looking_up_ = false;
            constexpr event::what_is_kept all[] = {event::nothing, event::fresh, event::wait_for_another,
                                                   event::only_kept};
            return take(machine.resume({.kind = event::looked_up, .found = all[below(4)]}, clock.now()));
        }
        if (looking_for_stale_) {
            looking_for_stale_ = false;
            const auto found = chance(50) ? event::fresh : event::nothing;
            return take(machine.resume({.kind = event::stale_found, .found = found}, clock.now()));
        }
        if (!choosing_.empty()) {
            const std::uint32_t n = choosing_.back();
            choosing_.pop_back();
            event e{.kind = event::chosen, .attempt = n};
            if (chance(90)) e.breaker = some_breaker();
            return take(machine.resume(e, clock.now()));
        }
        if (chance(3)) {
            lost_ = true;
            return take(machine.resume({.kind = event::client_lost}, clock.now()));
        }
        if (relaying_ != 0)
            return take(machine.resume({.kind = event::response_ended, .whole = chance(80)}, clock.now()));
        if (chance(10)) return take(machine.resume({.kind = event::request_whole}, clock.now()));
        if (chance(5)) return take(machine.resume({.kind = event::interim_relayed}, clock.now()));
        if (chance(10)) return take(machine.resume({.kind = event::flight_landed}, clock.now()));
        if (chance(60)) return time_comes();
        attempt_ends();
    }

    void time_comes() {
        if (waits_.empty()) return attempt_ends();
        const auto next = std::ranges::min_element(waits_, {}, [](const auto& w) { return w.second; });
        if (next->second > clock.now()) clock.advance(next->second - clock.now());
        const std::uint32_t n = next->first;
        waits_.erase(next);
        take(machine.resume({.kind = event::time, .attempt = n}, clock.now()));
    }

    void attempt_ends() {
        std::vector<std::uint32_t> open;
        for (const auto& [n, is_open] : asked_)
            if (is_open && n != relaying_) open.push_back(n);
        if (open.empty()) return;
        const std::uint32_t n = open[below(static_cast<std::uint32_t>(open.size()))];
        event e{.kind = event::answered, .attempt = n};
        e.report.took = 5ms;
        e.report.body_kept = chance(90);
        e.report.untouched = chance(30);
        constexpr int statuses[] = {200, 204, 404, 429, 500, 503, 101};
        constexpr incident wrong[] = {incident::connection_refused, incident::connection_terminated,
                                      incident::response_timeout,   incident::reuse_race,
                                      incident::out_of_memory,      incident::no_endpoint};
        if (chance(50)) {
            e.kind = event::failed;
            e.report.what = wrong[below(std::size(wrong))];
        } else {
            e.report.status = statuses[below(std::size(statuses))];
        }
        // An answer may come to an attempt that holds one already: the machine knows better.
        take(machine.resume(e, clock.now()));
    }

    std::shared_ptr<circuit_breaker> some_breaker() {
        const auto& made = planned().to->breakers;
        return made ? made->soonest() : nullptr;
    }

    std::mt19937 random_;
    std::map<std::uint32_t, bool> asked_;  // attempts, and whether they hold something
    std::map<std::uint32_t, time_point> waits_;
    std::vector<std::uint32_t> choosing_;
    std::uint32_t relaying_ = 0;
    int answers_ = 0;
    bool over_ = false, lost_ = false, looking_up_ = false, looking_for_stale_ = false;
};

}  // namespace

TEST(exchange_random_walk, keeps_its_promises_whatever_happens) {
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
        walker one{seed};
        for (int requests = 0; requests < 20; ++requests) {
            one.one_request();
            ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", request " << requests;
        }
    }
}

}  // namespace fusebox::gateway
