#include <chaos/monkey.hpp>

#include <stage/transition_line.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace chaos {

namespace net = boost::asio;

namespace {

fusebox::circuit_breaker_options breaker_options(const monkey_options& o) {
    return {
        .failure_count_threshold = o.failure_threshold,  // within the window; a success forgives none
        .window = fusebox::time_window{60, o.window / 60},
        .open_for = o.recovery_timeout,
        .open_multiplier = 1,
        .open_cap = o.recovery_timeout,
        .open_jitter = 0,
        .half_open_calls = 1,
    };
}

}  // namespace

template <class World>
monkey<World>::monkey(World& world, const monkey_options& options, monkey_line_sink print)
    : world_(world),
      options_(options),
      print_(std::move(print)),
      chaos_({.fault_rate = options.fail_rate, .expires_after = fusebox::duration::max(), .seed = options.seed},
             world.now()),
      breaker_("unstable-api", breaker_options(options), world.clock()),
      noting_(breaker_.subscribe(
          [this](const fusebox::circuit_event& e) {
              print_(stage::transition_line(e, false));
              if (e.to != fusebox::circuit_state::open) return;
              opened_at_ = world_.now();
              failures_when_opened_ = e.window.failures;
          },
          fusebox::transition_events)) {}

template <class World>
net::awaitable<void> monkey<World>::run() {
    co_await world_.make(condition::healthy);
    begin_ = world_.now();
    for (std::uint64_t i = 0; i < options_.calls && !world_.ending(); ++i) {
        co_await sleep_until(world_, begin_ + options_.call_every * static_cast<std::int64_t>(i));
        co_await call(i);
    }
    print_(figures());
}

template <class World>
net::awaitable<void> monkey<World>::call(std::uint64_t number) {
    const auto unstable_api = [this] { return world_.ask(); };
    fusebox::pipeline guarded{breaker_, chaos_};
    const fusebox::default_classifier any_error_counts;
    const auto time = world_.runtime();
    std::string outcome = "SUCCESS";
    try {
        const auto answer = co_await fusebox::asio::execute(guarded, unstable_api, any_error_counts, time);
        if (!answer && answer.error().rejected()) outcome = "BLOCKED (circuit open)";
        else if (!answer) outcome = fmt::format("FAILED ({})", *answer.error().error());
    } catch (const fusebox::injected_fault& struck) {
        outcome = fmt::format("FAILED ({})", struck.what());
    }
    print_(fmt::format("Call {}: {}", number, outcome));
}

template <class World>
std::string monkey<World>::figures() const {
    const auto now = breaker_.snapshot();
    const bool is_open = now.state == fusebox::circuit_state::open;
    nlohmann::ordered_json all{
        {"state", to_string(now.state)},
        {"total_calls", now.totals.calls()},
        {"total_successes", now.totals.successes},
        {"total_failures", now.totals.failures},
        {"recent_failures", is_open ? failures_when_opened_ : now.window.failures},  // opening begins a new window
        {"failure_threshold", options_.failure_threshold},
        {"opened_at", nullptr},
    };
    if (opened_at_) all["opened_at"] = std::chrono::duration<double>(*opened_at_ - begin_).count();
    return all.dump();
}

template class monkey<simulation>;
template class monkey<reality>;

}  // namespace chaos
