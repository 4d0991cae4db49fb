// One life of a breaker among simulated threads: a configuration, callers of a shaky dependency, and now
// and then an operator, a reload, an observer, a timer and a listener. All drawn from the seed.
#pragma once

#include "simulation_ledger.hpp"
#include "simulation_platform.hpp"
#include "simulation_scheduler.hpp"

#include <fusebox/detail/breaker_engine_impl.hpp>

#include <memory>
#include <optional>
#include <string>

namespace fusebox::simulation {

struct findings {
    std::string failure{};  // empty when all held
    long steps = 0;
    std::uint64_t calls = 0, rejected = 0, trials = 0, transitions = 0, openings = 0, closings = 0;

    findings& operator+=(const findings& o) {
        steps += o.steps, calls += o.calls, rejected += o.rejected, trials += o.trials;
        transitions += o.transitions, openings += o.openings, closings += o.closings;
        return *this;
    }
    friend bool operator==(const findings&, const findings&) = default;
};

template <defect Defect>
class world {
    using engine_type = detail::breaker_engine<platform<Defect>>;

public:
    world(std::uint64_t seed, strategy how) : scheduler_(seed, how), ledger_(scheduler_) {
        first_ = draw_options();
        ledger_.limits = bounds::of(*first_);
        if (reconfigured_) {
            second_ = draw_options_like(*first_);
            ledger_.limits.widen(bounds::of(*second_));
        }
        engine_ = std::make_unique<engine_type>("simulated", first_, seed, typename platform<Defect>::time{});
    }

    findings run() {
        const event_mask kinds = percent(15) ? all_events : state_events;
        engine_->subscribe(kinds, [this](const circuit_event& e) { listen(e); });
        failing_percent_ = 10 + unsigned(scheduler_.below(80));
        const auto callers = 2 + scheduler_.below(3);
        for (std::uint64_t i = 0; i < callers; ++i) scheduler_.spawn([this] { call_several(); });
        if (percent(25)) come_and_go();
        if (percent(30)) scheduler_.spawn([this] { operate(); });
        if (percent(40)) scheduler_.spawn([this] { observe(); });
        if (percent(30)) scheduler_.spawn([this] { poll(); });
        if (reconfigured_) scheduler_.spawn([this] { reconfigure(); });
        scheduler_.run();
        if (scheduler_.failure().empty()) at_rest();
        if (scheduler_.failure().empty()) recover();
        return {scheduler_.failure(), scheduler_.steps(),  calls_,           ledger_.rejected,
                ledger_.trials_given, ledger_.transitions, ledger_.openings, ledger_.closings};
    }

private:
    bool percent(unsigned p) { return scheduler_.percent(p); }

    std::shared_ptr<const circuit_breaker_options> draw_options() {
        using namespace std::chrono_literals;
        circuit_breaker_options o;
        const auto upto = [&](std::uint32_t most) { return 1 + std::uint32_t(scheduler_.below(most)); };
        if (percent(50)) o.consecutive_failures = upto(3);
        if (percent(25)) o.failure_count_threshold = upto(3);
        if (percent(40)) o.failure_rate_threshold = percent(50) ? 0.5 : 1.0;
        if (percent(20)) o.slow_call_duration = 20ms;
        if (percent(8))
            o.trip_when = [](const window_snapshot& w) {
                give_way();
                return w.failures >= 2;
            };
        if (percent(50)) {
            o.window = count_window{1 + upto(4)};
            o.minimum_calls = upto(2);
        } else {
            lasting_window_ = percent(60);
            o.window = lasting_window_ ? time_window{10, 1h} : time_window{upto(3), 10ms};
            o.minimum_calls = upto(4);
        }
        o.open_for = 20ms;
        o.open_cap = 60ms;
        o.open_jitter = 0;
        o.half_open_calls = upto(3);
        o.half_open_concurrency = upto(o.half_open_calls);
        if (percent(30)) o.half_open_successes = upto(o.half_open_calls);
        o.trial_lease = percent(75) ? 40ms : 0ms;
        o.automatic_half_open = percent(50);
        reconfigured_ = percent(15);
        return std::make_shared<const circuit_breaker_options>(std::move(o));
    }
    std::shared_ptr<const circuit_breaker_options> draw_options_like(const circuit_breaker_options& first) {
        const bool again = reconfigured_, lasting = lasting_window_;
        circuit_breaker_options o = *draw_options();
        o.trial_lease = first.trial_lease;
        reconfigured_ = again;
        lasting_window_ = lasting && lasting_window_;
        return std::make_shared<const circuit_breaker_options>(std::move(o));
    }

    // -- Callers
    void call_several() {
        const auto n = 1 + scheduler_.below(7);
        for (std::uint64_t i = 0; i < n; ++i) call();
    }
    // Threads of one call each, that leave their tables to each other, while all is well and the
    // generation changes often.
    void come_and_go() {
        failing_percent_ = 3;
        for (int i = 0; i < 6; ++i) scheduler_.spawn([this] { call(); });
        scheduler_.spawn([this] {
            for (int i = 0; i < 4; ++i, pause(20)) as_operator(circuit_state::closed);
        });
    }
    void pause(std::uint64_t most) {
        for (auto n = scheduler_.below(most + 1); n > 0; --n) give_way();
    }

    void call() {
        ++calls_;
        const auto before = ledger_.before_admission();
        const detail::grant g = engine_->admit();
        const auto c = ledger_.admitted(before, g);
        if (!g.permitted) return pause(6);
        pause(6);
        const auto fate = scheduler_.below(100);
        if (c.trial && fate < 8 && ledger_.limits.lease > duration{0}) return;  // never comes back
        std::optional<verdict> outcome;
        if (fate < 88) outcome = percent(failing_percent_) ? verdict::failure : verdict::success;
        else if (fate < 94) outcome = verdict::ignored;
        const bool slow = ledger_.limits.slow_rule && percent(30);
        ledger_.settling(c, outcome, ledger_.limits.slow_rule && outcome && outcome != verdict::ignored);
        settle(g, outcome, slow);
        ledger_.settled(c, outcome);
    }
    void settle(detail::grant g, std::optional<verdict> outcome, bool slow) {
        using namespace std::chrono_literals;
        if (Defect == defect::results_of_any_time) g.word = ledger_.word();
        if (!outcome) return engine_->abandon(g);
        const report how{*outcome, slow ? std::optional<duration>{30ms} : std::nullopt};
        engine_->settle(g, how);
        if (Defect == defect::settling_twice) engine_->settle(g, how);
    }

    // -- The others
    void operate() {
        using enum circuit_state;
        static constexpr circuit_state targets[] = {forced_open, disabled, metrics_only, closed};
        for (auto n = 1 + scheduler_.below(3); n > 0; --n) {
            pause(40);
            as_operator(targets[scheduler_.below(4)]);
        }
        if (percent(60)) as_operator(closed);
    }
    void as_operator(circuit_state target) {
        const int me = scheduler_.running();
        ledger_.operators.insert(me);
        operated_ = true;
        engine_->operate(target);
        ledger_.operators.erase(me);
    }

    void observe() {
        for (auto n = 1 + scheduler_.below(6); n > 0; --n) {
            pause(20);
            const auto generation = ledger_.generation();
            const auto recorded = ledger_.recorded_in(generation);
            look(generation, recorded);
            if (percent(30)) static_cast<void>(engine_->state());
            if (percent(10)) static_cast<void>(engine_->export_image());
        }
    }
    circuit_snapshot look(std::uint64_t generation, std::uint64_t recorded) {
        const circuit_snapshot s = engine_->snapshot();
        ledger_.seen(s);
        if (s.generation == generation && s.state == circuit_state::closed && !reconfigured_) {
            if (const auto* counted = std::get_if<count_window>(&first_->window))
                ledger_.require(s.window.calls >= std::min<std::uint64_t>(counted->size, recorded),
                                "I8: a settled call is missing in the window");
            else if (lasting_window_)
                ledger_.require(s.window.calls >= recorded, "I8: a settled call is missing in the window");
        }
        return s;
    }

    void poll() {
        for (auto n = 1 + scheduler_.below(6); n > 0; --n) {
            pause(20);
            engine_->poll();
        }
    }

    void reconfigure() {
        pause(60);
        engine_->reconfigure(second_);
        pause(60);
        if (percent(50)) engine_->reconfigure(first_);
    }

    void listen(const circuit_event& e) {
        ledger_.require(!std::exchange(telling_, true), "two deliveries at the same time");
        ledger_.heard(e);
        pause(3);
        if (percent(5)) ledger_.seen(engine_->snapshot());
        if (percent(1)) as_operator(circuit_state::closed);
        telling_ = false;
        if (percent(3)) {
            ++ledger_.throws;
            throw 1;
        }
    }

    // -- At the end
    void at_rest() {
        const auto generation = ledger_.generation();
        const auto recorded = ledger_.recorded_in(generation);
        const circuit_snapshot s = look(generation, recorded);
        const auto& t = s.totals;
        if (s.generation == generation) {  // otherwise a lost trial is due, and nobody has come since
            ledger_.require(ledger_.told_state == s.state, "I7: the last event is not the state");
            ledger_.require(ledger_.told_generation() == s.generation, "I7: the last event is of another generation");
        }
        ledger_.require(t.rejected == ledger_.rejected, "rejections are not counted once each");
        ledger_.require(t.listener_errors == ledger_.throws, "throws of the listener are not counted once each");
        const auto accounted = t.successes + t.failures + t.ignored + t.abandoned + t.late_results - s.lost_trials;
        ledger_.require(accounted <= ledger_.ended, "a result was counted twice");
        ledger_.require(operated_ || accounted == ledger_.ended, "a result was not counted");
        if (s.state == circuit_state::closed && lasting_window_ && !reconfigured_ && s.generation == generation)
            ledger_.require(s.window.calls == recorded, "I8: the window is not what was settled");
    }

    // The dependency is healthy for good: the circuit must close, whatever has happened (L1, L2).
    void recover() {
        const auto is_mode = ledger_.state() > circuit_state::half_open;
        if (is_mode) as_operator(circuit_state::closed);
        for (int i = 0; i < 40 && engine_->state() != circuit_state::closed; ++i) {
            scheduler_.advance(std::chrono::milliseconds{20'000});
            const auto before = ledger_.before_admission();
            const detail::grant g = engine_->admit();
            const auto c = ledger_.admitted(before, g);
            if (!g.permitted) continue;
            ledger_.settling(c, verdict::success, false);
            engine_->settle(g, {verdict::success, duration{0}});
        }
        ledger_.require(engine_->state() == circuit_state::closed, "L1: a healthy dependency is not believed");
    }

    scheduler scheduler_;
    ledger ledger_;
    std::shared_ptr<const circuit_breaker_options> first_{}, second_{};
    bool reconfigured_ = false, lasting_window_ = false, operated_ = false, telling_ = false;
    unsigned failing_percent_ = 0;
    std::uint64_t calls_ = 0;
    std::unique_ptr<engine_type> engine_{};
};

template <defect Defect>
findings simulate(std::uint64_t seed, strategy how) {
    return world<Defect>{seed, how}.run();
}

}  // namespace fusebox::simulation
