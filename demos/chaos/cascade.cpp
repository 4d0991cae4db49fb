#include <chaos/cascade.hpp>

#include <stage/transition_line.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace chaos {

namespace net = boost::asio;

namespace {

fusebox::duration times(fusebox::duration d, double by) {
    return std::chrono::round<fusebox::duration>(d * by);
}

// Without a breaker it is the same program, with the breaker disabled: every call passes.
fusebox::circuit_breaker_options breaker_options(const cascade_options& o) {
    return {
        .failure_count_threshold = o.failures,
        .window = fusebox::time_window{10, o.window / 10},
        .open_for = o.recovery,
        .open_multiplier = 1,  // the same wait after each failed trial
        .open_cap = o.recovery,
        .open_jitter = 0,
        .half_open_calls = 1,
        .trial_lease = 2 * o.timeout,  // no trial lasts longer than its try may
        .initial_state = o.has_breaker ? fusebox::circuit_state::closed : fusebox::circuit_state::disabled,
    };
}

// At once, and whatever it costs.
fusebox::retry_options retry_options(const cascade_options& o) {
    return {.max_attempts = o.tries,
            .jitter = fusebox::jitter_kind::none,
            .base = fusebox::duration{0},
            .without_budget = true};
}

}  // namespace

cascade_options cascade_options::scaled(double by) const {
    cascade_options all = *this;
    for (auto* d : {&all.timeout, &all.outage, &all.window, &all.recovery}) *d = times(*d, by);
    return all;
}

template <class World>
cascade<World>::cascade(World& world, const cascade_options& options)
    : world_(world),
      options_(options),
      breaker_("service-b", breaker_options(options), world.clock()),
      retry_(retry_options(options)),
      load_(world, options.callers_per_second),
      noting_(breaker_.subscribe([this](const auto& e) { note(e); }, fusebox::transition_events)) {}

template <class World>
net::awaitable<void> cascade<World>::run() {
    co_await world_.make(condition::hanging);
    const auto calls_before = co_await world_.calls();
    begin_ = world_.now();
    watching_ = true;
    net::co_spawn(world_.executor(), watch(), [this](const std::exception_ptr&) { watching_ = false; });
    const auto caller = [this] { return call(); };
    co_await load_.run(options_.outage + 2 * options_.recovery, caller);
    over_ = true;
    while (watching_) co_await a_moment(world_);
    figures_.callers = load_.sent();
    figures_.service_calls = co_await world_.calls() - calls_before;
}

// Counts who waits, between one caller and the next, and ends the outage.
template <class World>
net::awaitable<void> cascade<World>::watch() {
    auto next = begin_ + load_.interval() / 2;
    while (!over_ && !world_.ending()) {
        co_await sleep_until(world_, next);
        next += 10 * load_.interval();
        figures_.most_blocked = std::max(figures_.most_blocked, waiting());
        if (healed_ != fusebox::time_point::max() || world_.now() < begin_ + options_.outage) continue;
        figures_.blocked_at_the_end = waiting();
        healed_ = world_.now();
        co_await world_.make(condition::healthy);
    }
}

template <class World>
net::awaitable<void> cascade<World>::call() {
    std::uint32_t tries = 0;
    const auto one_try = [this, &tries] {
        ++tries;
        return world_.ask();
    };
    fusebox::pipeline guarded{retry_, breaker_, fusebox::timeout{options_.timeout}};
    const fusebox::default_classifier any_error_counts;
    const auto time = world_.runtime();
    const auto answer = co_await fusebox::asio::execute(guarded, one_try, any_error_counts, time);
    if (answer) ++figures_.answered;
    else if (tries == 0) ++figures_.failed_fast;
    else ++figures_.failed_slowly;
    const bool disturbed = !answer || tries > 1;
    if (disturbed && world_.now() > healed_) figures_.time_to_recover = world_.now() - healed_;
}

template <class World>
void cascade<World>::note(const fusebox::circuit_event& transition) {
    figures_.transitions.push_back(fmt::format("{:8.2f} s  {}",
                                               std::chrono::duration<double>(world_.now() - begin_).count(),
                                               stage::transition_line(transition, false)));
}

template class cascade<simulation>;
template class cascade<reality>;

}  // namespace chaos
