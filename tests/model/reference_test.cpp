// Random configurations, random histories: after every step the breaker must show what the reference
// model shows. RC_PARAMS (max_success, max_size, seed, reproduce) makes the search longer or repeats one.
#include "reference_model.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <ostream>

namespace {

using namespace fusebox;
using namespace fusebox::testing;
using namespace std::chrono_literals;

enum class act : unsigned char {
    acquire,
    acquire_more,
    succeed,
    fail,
    slow_success,
    slow_failure,
    measured,
    ignore,
    drop,
    settle_twice,
    fail_with_wish,
    advance,
    to_deadline,
    force_open,
    disable,
    metrics_only,
    reset,
    reconfigure,
    carry_over,
    replace,
    poll,
    last_act
};
constexpr const char* names[] = {
    "acquire", "acquire_more", "succeed",      "fail",           "slow_success", "slow_failure", "measured",
    "ignore",  "drop",         "settle_twice", "fail_with_wish", "advance",      "to_deadline",  "force_open",
    "disable", "metrics_only", "reset",        "reconfigure",    "carry_over",   "replace",      "poll"};

struct command {
    act what{};
    unsigned which = 0;  // of the permits held; how long; which configuration
    friend std::ostream& operator<<(std::ostream& out, const command& c) {
        return out << names[static_cast<unsigned>(c.what)] << '(' << c.which << ')';
    }
};

struct configuration {
    circuit_breaker_options options{};
    friend std::ostream& operator<<(std::ostream& out, const configuration& c) {
        const auto& o = c.options;
        const auto show = [&](const char* name, const auto& v) {
            if (v) out << ' ' << name << '=' << *v;
        };
        show("consecutive", o.consecutive_failures);
        show("count", o.failure_count_threshold);
        if (o.count_needs_minimum) out << " from the minimum";
        show("rate", o.failure_rate_threshold);
        if (o.slow_call_duration) out << " slow=" << o.slow_call_duration->count();
        show("slow_rate", o.slow_call_rate_threshold);
        if (o.trip_when) out << " trip_when";
        if (const auto* t = std::get_if<time_window>(&o.window))
            out << " time=" << t->buckets << 'x' << t->width.count();
        else out << " last=" << std::get<count_window>(o.window).size;
        show("minimum", o.minimum_calls);
        out << " open=" << o.open_for.count() << 'x' << o.open_multiplier << '<' << o.open_cap.count() << '['
            << o.open_min.count() << ',' << o.open_max.count() << "] trials=" << o.half_open_calls << '/'
            << o.half_open_concurrency;
        show("successes", o.half_open_successes);
        out << " lease=" << o.trial_lease.count() << " ramp=" << o.ramp.shares.size() << 'x' << o.ramp.calls_per_step
            << (o.automatic_half_open ? " automatic" : "") << " from " << to_string(o.initial_state);
        return out;
    }
};

}  // namespace

namespace rc {

template <>
struct Arbitrary<command> {
    static Gen<command> arbitrary() {
        // Mostly calls; what an operator does is rare, or it would hide what calls do.
        const auto what = gen::weightedElement<act>(
            {{20, act::acquire},     {6, act::acquire_more}, {12, act::succeed},       {14, act::fail},
             {3, act::slow_success}, {3, act::slow_failure}, {5, act::measured},       {3, act::ignore},
             {4, act::drop},         {2, act::settle_twice}, {2, act::fail_with_wish}, {12, act::advance},
             {8, act::to_deadline},  {1, act::force_open},   {1, act::disable},        {2, act::metrics_only},
             {1, act::reset},        {2, act::reconfigure},  {1, act::carry_over},     {1, act::replace},
             {3, act::poll}});
        return gen::build<command>(gen::set(&command::what, what), gen::set(&command::which, gen::inRange(0u, 64u)));
    }
};

template <>
struct Arbitrary<configuration> {
    template <class T>
    static std::optional<T> maybe(int percent, Gen<T> some) {
        return *gen::inRange(0, 100) >= 100 - percent ? std::optional<T>{*some} : std::nullopt;
    }
    static Gen<configuration> arbitrary() {
        return gen::exec([] {
            configuration c;
            circuit_breaker_options& o = c.options;
            const auto upto = [](std::uint32_t most) { return gen::inRange<std::uint32_t>(1, most + 1); };
            const auto rates = gen::element(0.1, 0.25, 0.5, 0.75, 0.9, 1.0);
            o.consecutive_failures = maybe(30, upto(4));
            o.failure_rate_threshold = maybe(50, rates);
            if (*gen::inRange(0, 100) >= 65) {
                o.slow_call_duration = 50ms;
                o.slow_call_rate_threshold = maybe(60, rates);
            }
            if (*gen::inRange(0, 100) >= 90)
                o.trip_when = [](const window_snapshot& w) { return w.calls >= 3 && 3 * w.failures >= w.calls; };
            if (*gen::arbitrary<bool>()) {
                const std::uint32_t size = *upto(8);
                o.window = count_window{size};
                o.minimum_calls = maybe(70, upto(size));
                o.failure_count_threshold = maybe(30, upto(std::min(size, 5u)));
            } else {
                o.window = time_window{*upto(5), *gen::element<duration>(10ms, 70ms, 100ms)};
                o.minimum_calls = maybe(85, upto(6));
                o.failure_count_threshold = maybe(30, upto(5));
            }
            o.count_needs_minimum = o.failure_count_threshold && *gen::arbitrary<bool>();
            o.open_for = *gen::element<duration>(1ms, 40ms, 200ms);
            o.open_multiplier = *gen::element(1.0, 1.5, 2.0);
            o.open_cap = o.open_for * *gen::element(1, 3, 1000);
            o.open_jitter = 0;
            o.open_min = *gen::element<duration>(0ms, 0ms, 20ms);
            o.open_max = std::max(o.open_for, *gen::element<duration>(100ms, 5min));
            o.half_open_calls = *upto(4);
            o.half_open_concurrency = *upto(o.half_open_calls);
            o.half_open_successes = maybe(30, upto(o.half_open_calls));
            o.trial_lease = *gen::element<duration>(0ms, 60ms, 250ms);
            if (*gen::inRange(0, 100) >= 80) {
                o.ramp.shares = *gen::element(std::vector{0.5}, std::vector{0.25, 0.5, 1.0});
                o.ramp.calls_per_step = *upto(3);
            }
            o.automatic_half_open = *gen::arbitrary<bool>();
            if (*gen::inRange(0, 100) >= 80) o.initial_state = static_cast<circuit_state>(*gen::inRange(0, 6));
            return c;
        });
    }
};

}  // namespace rc

namespace {

// The breaker and the model, side by side.
class pair_of_breakers {
public:
    pair_of_breakers(std::vector<configuration> configurations, event_mask listened)
        : configurations_(std::move(configurations)), listened_(listened), model_(options(0), clock_.now()) {
        start(options(0));
    }

    void run(const command& c) {
        switch (c.what) {
            case act::acquire: return acquire();
            case act::acquire_more:
                for (int i = 0; i < 4; ++i) acquire();
                return;
            case act::succeed: return settle(c.which, verdict::success);
            case act::fail: return settle(c.which, verdict::failure);
            case act::slow_success: return settle(c.which, {verdict::success, 50ms});
            case act::slow_failure: return settle(c.which, {verdict::failure, 1h});
            case act::measured:
                clock_.advance(20ms * (c.which % 4));
                return settle(c.which, c.which % 3 == 0 ? verdict::failure : verdict::success);
            case act::ignore: return settle(c.which, verdict::ignored);
            case act::fail_with_wish: return settle(c.which, {verdict::failure, {}, 10ms * c.which});
            case act::drop: return drop(c.which);
            case act::settle_twice: return settle_twice(c.which);
            case act::advance: return clock_.advance(1ms * (c.which * c.which / 8));
            case act::to_deadline: return clock_.advance(breaker_->snapshot().retry_after);
            case act::force_open:
                breaker_->force_open();
                return model_.operate(circuit_state::forced_open, clock_.now());
            case act::disable: breaker_->disable(); return model_.operate(circuit_state::disabled, clock_.now());
            case act::metrics_only:
                breaker_->metrics_only();
                return model_.operate(circuit_state::metrics_only, clock_.now());
            case act::reset: breaker_->reset(); return model_.operate(circuit_state::closed, clock_.now());
            case act::reconfigure:
                RC_ASSERT(breaker_->reconfigure(options(c.which)).has_value());
                return model_.reconfigure(options(c.which), clock_.now());
            case act::carry_over:
                breaker_->import_state(breaker_->export_state());
                return model_.carry_over(clock_.now());
            case act::replace: return replace();
            case act::poll: breaker_->poll(); return model_.poll(clock_.now());
            case act::last_act: break;
        }
    }

    void compare() {
        const time_point now = clock_.now();
        const circuit_snapshot real = breaker_->snapshot(), wanted = model_.snapshot(now);
        RC_ASSERT(to_string(real.state) == to_string(wanted.state));
        RC_ASSERT(to_string(breaker_->state()) == to_string(wanted.state));
        RC_ASSERT(to_string(real.virtual_state) == to_string(wanted.virtual_state));
        RC_ASSERT(real.generation == wanted.generation);
        RC_ASSERT(real.window.calls == wanted.window.calls);
        RC_ASSERT(real.window.failures == wanted.window.failures);
        RC_ASSERT(real.window.slow_calls == wanted.window.slow_calls);
        RC_ASSERT(real.consecutive_failures == wanted.consecutive_failures);
        RC_ASSERT(real.reopenings == wanted.reopenings);
        RC_ASSERT(real.retry_after.count() == wanted.retry_after.count());
        RC_ASSERT(real.in_state.count() == wanted.in_state.count());
        RC_ASSERT(to_string(real.last_rule) == to_string(wanted.last_rule));
        RC_ASSERT(real.half_open == wanted.half_open);
        const auto& [a, b] = std::tie(real.totals, wanted.totals);
        RC_ASSERT(a.successes == b.successes);
        RC_ASSERT(a.failures == b.failures);
        RC_ASSERT(a.ignored == b.ignored);
        RC_ASSERT(a.abandoned == b.abandoned);
        RC_ASSERT(a.slow_calls == b.slow_calls);
        RC_ASSERT(a.rejected == b.rejected);
        RC_ASSERT(a.late_results == b.late_results);
        RC_ASSERT(a == b);
        RC_ASSERT(std::exchange(events_, {}) == model_.take_events());
        RC_ASSERT(last_sequence_is_whole_);
    }

private:
    struct held {
        circuit_breaker::permit real;
        reference_model::permit wanted;
    };

    circuit_breaker_options options(unsigned i) const { return configurations_[i % configurations_.size()].options; }

    void start(circuit_breaker_options o) {
        breaker_ = std::make_unique<circuit_breaker>("tested", std::move(o), &clock_);
        sequence_ = 0;
        listening_ = breaker_->subscribe(
            [this](const circuit_event& e) {
                if (sequence_ != 0 && e.sequence != sequence_ + 1) last_sequence_is_whole_ = false;
                sequence_ = e.sequence;
                if ((static_cast<event_mask>(e.kind) & state_events) == 0) return;
                events_.push_back({e.kind, e.generation, e.from, e.to, e.rule});
            },
            listened_);
    }

    void acquire() {
        auto real = breaker_->try_acquire();
        const auto wanted = model_.acquire(clock_.now());
        RC_ASSERT(real.has_value() == wanted.given.has_value());
        if (!real) {
            RC_ASSERT(real.error().retry_after.count() == wanted.retry_after.count());
            return;
        }
        RC_ASSERT(real->generation() == wanted.given->generation);
        RC_ASSERT(real->is_trial() == (wanted.given->trial != 0));
        held_.push_back({std::move(*real), *wanted.given});
    }

    std::optional<held> take(unsigned which) {
        if (held_.empty()) return {};
        const auto at = held_.begin() + which % held_.size();
        held h = std::move(*at);
        held_.erase(at);
        return h;
    }
    void settle(unsigned which, report how) {
        if (auto h = take(which)) {
            h->real.settle(how);
            model_.settle(h->wanted, how, clock_.now());
        }
    }
    void settle_twice(unsigned which) {
        if (auto h = take(which)) {
            h->real.settle(verdict::success);
            h->real.settle(verdict::failure);
            h->real.abandon();
            model_.settle(h->wanted, verdict::success, clock_.now());
        }
    }
    void drop(unsigned which) {
        if (auto h = take(which)) model_.abandon(h->wanted, clock_.now());
    }
    // A reload: another breaker goes on with what the old one hands over.
    void replace() {
        while (!held_.empty()) drop(0);
        const circuit_image image = breaker_->export_state();
        const circuit_breaker_options same = *breaker_->options();
        listening_.cancel();
        start(same);
        breaker_->import_state(image);
        model_.carry_over(clock_.now());
        events_.clear();  // the successor's first event comes from its own initial state
        model_.take_events();
    }

    manual_clock clock_{1h};
    std::vector<configuration> configurations_;
    event_mask listened_;
    reference_model model_;
    std::unique_ptr<circuit_breaker> breaker_;
    std::vector<held> held_;  // after the breaker: permits must not outlive it
    std::uint64_t sequence_ = 0;
    bool last_sequence_is_whole_ = true;
    std::vector<reference_model::event> events_;
    subscription listening_;
};

// So many histories in every run; more, or others, by RC_PARAMS.
const bool parameters_set = setenv("RC_PARAMS", "max_success=3000 max_size=150 seed=1", 0) == 0;

RC_GTEST_PROP(circuit_breaker, shows_what_the_reference_model_shows_after_every_step,
              (std::vector<command> history, bool watched)) {
    RC_ASSERT(parameters_set);
    const auto first = *rc::gen::arbitrary<configuration>(), second = *rc::gen::arbitrary<configuration>(),
               third = *rc::gen::arbitrary<configuration>();
    pair_of_breakers both{{first, second, third}, watched ? all_events : state_events};
    both.compare();
    for (const command& c : history) {
        both.run(c);
        both.compare();
    }
}

}  // namespace
