#include <chaos/storm.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>

namespace chaos {

namespace net = boost::asio;

namespace {

// A fifth of the callers' calls. Each of them passes three tiers and is noted by each, so that the budget sees three.
std::shared_ptr<fusebox::retry_budget> budget_for(const storm_options& o) {
    if (!o.has_budget) return nullptr;
    return std::make_shared<fusebox::retry_budget>(
        fusebox::retry_budget_options{.ratio = 0.06,
                                      .min_per_second = 0,
                                      .window = std::max<fusebox::duration>(std::chrono::seconds{1}, o.how_long)});
}

fusebox::retry_options retry_options(const storm_options& o, std::shared_ptr<fusebox::retry_budget> budget,
                                     std::size_t n) {
    fusebox::retry_options all{.max_attempts = o.tries, .budget = std::move(budget), .without_budget = !o.has_budget};
    if (o.seed) all.seed = *o.seed + n;
    return all;
}

fusebox::circuit_breaker_options breaker_options(const storm_options& o) {
    return {.consecutive_failures = 5,
            .open_for = std::chrono::seconds{30},
            .half_open_calls = 1,
            .initial_state = o.has_breakers ? fusebox::circuit_state::closed : fusebox::circuit_state::disabled,
            .seed = o.seed};
}

}  // namespace

storm_options storm_options::scaled(double by) const {
    storm_options all = *this;
    all.how_long = std::chrono::round<fusebox::duration>(all.how_long * by);
    return all;
}

template <class World>
storm<World>::tier::tier(World& world, const storm_options& options, std::shared_ptr<fusebox::retry_budget> budget,
                         std::size_t n)
    : again(retry_options(options, std::move(budget), n)),
      breaker(fmt::format("tier {}", n), breaker_options(options), world.clock()) {}

template <class World>
storm<World>::storm(World& world, const storm_options& options)
    : world_(world),
      options_(options),
      budget_(budget_for(options)),
      tiers_{tier{world, options_, budget_, 1}, tier{world, options_, budget_, 2}, tier{world, options_, budget_, 3}},
      load_(world, options.callers_per_second) {}

template <class World>
net::awaitable<void> storm<World>::run() {
    co_await world_.make(condition::failing);
    const auto calls_before = co_await world_.calls();
    const auto caller = [this] { return call(); };
    co_await load_.run(options_.how_long, caller);
    figures_.callers = load_.sent();
    figures_.service_calls = co_await world_.calls() - calls_before;
    for (const auto& t : tiers_) {
        const auto retries = t.again.snapshot();
        figures_.retries += retries.retries;
        figures_.refused_by_budget += retries.budget_exhausted;
        figures_.refused_by_breakers += t.breaker.snapshot().totals.rejected;
    }
    co_await world_.make(condition::healthy);
}

template <class World>
net::awaitable<void> storm<World>::call() {
    co_await ask(0);
}

// A tier asks the next one, the last one the service. What failed there is a failure here, whoever said no.
template <class World>
net::awaitable<typename storm<World>::answer> storm<World>::ask(std::size_t n) {
    if (n == tiers) co_return co_await world_.ask();
    const auto next = [this, n] { return ask(n + 1); };
    fusebox::pipeline guarded{tiers_[n].again, tiers_[n].breaker};
    const fusebox::default_classifier any_error_counts;
    const auto time = world_.runtime();
    const auto outcome = co_await fusebox::asio::execute(guarded, next, any_error_counts, time);
    if (outcome) co_return answer{};
    if (const std::string* failed = outcome.error().error()) co_return std::unexpected(*failed);
    co_return std::unexpected(outcome.error().rejected()->message());
}

template class storm<simulation>;
template class storm<reality>;

}  // namespace chaos
