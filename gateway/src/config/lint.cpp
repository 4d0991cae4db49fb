// Warnings: what is valid, and will probably hurt.
#include "config/checks.hpp"
#include "config/document.hpp"
#include "config/notation.hpp"

#include <fusebox/gateway/configuration_file.hpp>
#include <fusebox/preset.hpp>

#include <algorithm>
#include <cmath>

namespace fusebox::gateway {

namespace config {

namespace {

// From so few failures on, a blip is not told from an outage.
constexpr std::uint32_t fewest_failures = 3;

class linter {
public:
    explicit linter(const checked_configuration& checked) : in_(checked) {}

    std::vector<diagnostic> run() {
        for (const auto& path : in_.unused_policies)
            warn("unused", path, "is used by no route; remove it, or refer to it");
        for (const auto& u : in_.value.upstreams)
            if (!is_used(u.name))
                warn("unused", "upstreams." + u.name, "is used by no route; remove it, or refer to it");
        for (std::size_t i = 0; i < in_.value.routes.size(); ++i) {
            const auto& r = in_.value.routes[i];
            route(r, "routes[" + std::to_string(i) + "]", upstream_of(r));
        }
        shared_breakers();
        std::sort(found_.begin(), found_.end(), comes_before);
        return std::move(found_);
    }

private:
    void warn(const char* lint, const std::string& path, std::string message) {
        found_.push_back({in_.file, position_of(in_, path), path, std::move(message), lint});
    }

    bool is_used(const std::string& name) const {
        return std::any_of(in_.value.routes.begin(), in_.value.routes.end(), [&](const auto& r) {
            return r.upstream == name || (r.fallback && r.fallback->upstream == name);
        });
    }

    const upstream_configuration& upstream_of(const route_configuration& r) const {
        const auto& all = in_.value.upstreams;
        return *std::find_if(all.begin(), all.end(), [&](const auto& u) { return u.name == r.upstream; });
    }

    void route(const route_configuration& r, const std::string& path, const upstream_configuration& u) {
        if (!r.fallback)
            warn("no-fallback", path,
                 "has no fallback: while its circuit is open, clients see errors; write for instance fallback: "
                 "{ stale_if_error: 1h }");
        if (r.circuit_breaker) breaker(*r.circuit_breaker, path + ".circuit_breaker", u.expected);
        timeouts(r, path);
        repetition(r, path);
        amplification(r, path);
        if (r.bulkhead) bulkhead(*r.bulkhead, path + ".bulkhead", u.expected);
    }

    void breaker(const circuit_breaker_configuration& b, const std::string& path, const expectation& known) {
        const auto& o = b.options;
        const auto sensitive = [&](const std::optional<std::uint32_t>& n, const char* option) {
            if (n && *n < fewest_failures)
                warn("breaker-too-sensitive", path + "." + option,
                     "opens at " + std::to_string(*n) + (*n == 1 ? " failure" : " failures") + ", and then for " +
                         write_duration(o.open_for) + ": a blip becomes an outage; write 3 to 5 at least");
        };
        sensitive(o.consecutive_failures, "consecutive_failures");
        sensitive(o.failure_count_threshold, "failure_count_threshold");
        if (o.effective_failure_rate() && o.minimum_calls.value_or(20) < fewest_failures)
            warn("breaker-too-sensitive", path + ".minimum_calls",
                 "lets " + std::to_string(*o.minimum_calls) + " calls decide about a rate; write 10 at least");
        if (known.deployment && o.open_for < *known.deployment * 2)
            warn("recovery-too-short", path + ".open_for",
                 "is " + write_duration(o.open_for) + ", and a deployment takes " + write_duration(*known.deployment) +
                     ": the circuit would flap; write twice that, " + write_duration(*known.deployment * 2));
        window(b, path, known);
        if (!b.preset.empty()) preset_range(b, path);
    }

    void window(const circuit_breaker_configuration& b, const std::string& path, const expectation& known) {
        const auto* timed = std::get_if<time_window>(&b.options.window);
        if (timed == nullptr || !known.rate || !b.options.effective_failure_rate()) return;
        const double calls = *known.rate * std::chrono::duration<double>(timed->width * timed->buckets).count();
        const std::uint32_t minimum = b.options.minimum_calls.value_or(20);
        if (calls < minimum)
            warn("window-too-small", path + ".window",
                 "sees about " + write_number(std::floor(calls)) + " calls at " + write_number(*known.rate) +
                     " a second, and minimum_calls is " + std::to_string(minimum) +
                     ": the rate would never count; write a longer window, or fewer minimum_calls");
    }

    void preset_range(const circuit_breaker_configuration& b, const std::string& path) {
        const auto all = service_profiles();
        const auto profile = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == b.preset; });
        if (profile == all.end()) return;
        const auto& o = b.options;
        if (o.failure_count_threshold && !profile->failure_threshold.contains(*o.failure_count_threshold))
            warn("outside-preset", path + ".failure_count_threshold",
                 "is " + std::to_string(*o.failure_count_threshold) + "; for " + b.preset + " " +
                     std::to_string(profile->failure_threshold.from) + " to " +
                     std::to_string(profile->failure_threshold.to) + " is usual (" + std::string{profile->reason} +
                     ")");
        if (o.open_for < profile->recovery.from || o.open_for > profile->recovery.to)
            warn("outside-preset", path + ".open_for",
                 "is " + write_duration(o.open_for) + "; for " + b.preset + " " +
                     write_duration(profile->recovery.from) + " to " + write_duration(profile->recovery.to) +
                     " is usual (" + std::string{profile->reason} + ")");
    }

    void timeouts(const route_configuration& r, const std::string& path) {
        if (r.timeout.total == duration::max() && r.timeout.per_try == duration::max() &&
            r.timeout.first_byte == duration::max())
            warn("no-timeout", path + ".timeout",
                 "has no limit at all: a hanging upstream holds every client; write one");
        if (!r.retry || r.timeout.total == duration::max() || r.timeout.per_try == duration::max()) return;
        const auto attempts = std::int64_t{r.retry->options.max_attempts};
        if (attempts > 1 && r.timeout.per_try > r.timeout.total / attempts)
            warn("tries-exceed-total", path + ".retry.max_attempts",
                 std::to_string(attempts) + " tries of " + write_duration(r.timeout.per_try) +
                     " do not fit into the total of " + write_duration(r.timeout.total) + "; write a per_try of " +
                     write_duration(std::chrono::floor<std::chrono::milliseconds>(r.timeout.total / attempts)) +
                     " at most, or fewer tries");
    }

    // Only failures are tried again, and `outcomes` says what is one.
    void repetition(const route_configuration& r, const std::string& path) {
        if (!r.retry || r.retry->options.max_attempts < 2) return;
        for (const status_range& wanted : r.retry->on.statuses) {
            bool ever = false;
            for (unsigned status = wanted.from; status <= wanted.to; ++status)
                ever |= r.outcomes.of_status(static_cast<int>(status)) == outcome::failure;
            if (ever) continue;
            const outcome_class group = outcome_rules::class_of_status(wanted.from);
            warn("never-retried", path + ".retry.retry_on",
                 "has " + write_status(wanted) + ", which is a " + to_string(r.outcomes.of(group)) +
                     " and no failure, so it is never tried again; remove it, or write outcomes: { " +
                     to_string(group) + ": failure }");
        }
    }

    // What an outage makes of the load, in the worst case.
    void amplification(const route_configuration& r, const std::string& path) {
        const double tries = r.retry ? r.retry->options.max_attempts : 1;
        const double hedges = r.hedge ? r.hedge->max_attempts : 1;
        if (r.retry && !r.retry->budget && tries > 1)
            warn("retry-amplification", path + ".retry.budget",
                 "is none: in an outage the upstream gets " + write_number(tries * hedges) +
                     " times its load; write budget: { percent: 20% }");
        else if (r.retry && r.retry->budget && r.retry->budget->ratio > 0.5 && tries * hedges > 2)
            warn("retry-amplification", path + ".retry.budget.percent",
                 "is " + write_percentage(r.retry->budget->ratio) + ": in an outage the upstream gets up to " +
                     write_number(std::min(tries * hedges, 1 + r.retry->budget->ratio)) +
                     " times its load; 20% is usual");
    }

    // Little's law: calls at the same time = rate * latency.
    void bulkhead(const bulkhead_options& b, const std::string& path, const expectation& known) {
        if (!known.rate || !known.latency) return;
        const double needed = std::ceil(*known.rate * std::chrono::duration<double>(*known.latency).count());
        if (needed > b.max_concurrent)
            warn("bulkhead-too-small", path + ".max_concurrent",
                 "is " + std::to_string(b.max_concurrent) + ", and " + write_number(*known.rate) +
                     " calls a second of " + write_duration(*known.latency) + " are " + write_number(needed) +
                     " at the same time; write " + write_number(std::ceil(needed * 1.5)));
    }

    // Routes that share a breaker fail together.
    void shared_breakers() {
        for (const auto& u : in_.value.upstreams) {
            std::string first;
            for (std::size_t i = 0; i < in_.value.routes.size(); ++i) {
                const auto& r = in_.value.routes[i];
                const bool shares = r.upstream == u.name && r.circuit_breaker &&
                                    r.circuit_breaker->scope.per == breaker_scope::kind::upstream;
                if (!shares) continue;
                if (first.empty()) first = r.name;
                else
                    warn("shared-breaker", "routes[" + std::to_string(i) + "].circuit_breaker.scope",
                         "is upstream, so this route shares a breaker with " + in_quotes(first) +
                             ": when the one fails, the other is refused; write scope: route");
            }
        }
    }

    const checked_configuration& in_;
    std::vector<diagnostic> found_;
};

}  // namespace

}  // namespace config

std::vector<diagnostic> lint(const checked_configuration& checked) {
    return config::linter{checked}.run();
}

}  // namespace fusebox::gateway
