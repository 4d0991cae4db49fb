#include "endpoints/endpoint_verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <string>
#include <tuple>

namespace fusebox::gateway {

namespace {

bool in_service(const endpoint_condition& e) noexcept {
    return e.admin == admin_state::automatic || e.admin == admin_state::force_up;
}

bool before_first_check(const endpoint_condition& e) noexcept {
    return e.admin == admin_state::automatic && e.check == check_state::pending;
}

// Full traffic by a share that grows in a straight line, for endpoints that have just come back.
judgement serve(const endpoint_condition& e, const verdict_options& o, verdict_reason why, time_point since,
                time_point now) noexcept {
    judgement j{.reason = why, .since = since};
    if (o.slow_start <= duration{0} || e.serving_since == time_point::min()) return j;
    const time_point full_at = saturating_add(e.serving_since, o.slow_start);
    if (now >= full_at) return j;
    const double elapsed = double(std::max(now - e.serving_since, duration{0}).count());
    j.verdict = endpoint_verdict::slow_start;
    j.share = std::max(o.slow_start_floor, elapsed / double(o.slow_start.count()));
    if (why == verdict_reason::healthy) j.reason = verdict_reason::ramping_up;
    j.since = e.serving_since;
    j.until = full_at;
    return j;
}

judgement judge_breaker(const endpoint_condition& e, time_point now) noexcept {
    const bool half = e.breaker == circuit_state::half_open;
    const bool due = half || (e.breaker == circuit_state::open && now >= e.breaker_until);
    return {.verdict = half ? endpoint_verdict::half_open : endpoint_verdict::open,
            .traffic = due ? traffic::trial : traffic::none,
            .share = 0,
            .reason = verdict_reason::circuit_breaker,
            .since = e.breaker_since,
            .until = e.breaker == circuit_state::open ? e.breaker_until : time_point::max()};
}

bool breaker_refuses(circuit_state s) noexcept {
    return s == circuit_state::open || s == circuit_state::half_open || s == circuit_state::forced_open;
}

judgement judge_admin(const endpoint_condition& e) noexcept {
    judgement j{.reason = verdict_reason::set_by_operator, .since = e.admin_since, .until = e.admin_until};
    if (e.admin == admin_state::force_up) {
        j.verdict = endpoint_verdict::forced_up;
        return j;
    }
    const bool drain = e.admin == admin_state::drain;
    j.verdict = drain ? endpoint_verdict::draining : endpoint_verdict::maintenance;
    j.traffic = drain ? traffic::existing : traffic::none;
    j.share = 0;
    return j;
}

}  // namespace

judgement judge(const endpoint_condition& e, const pool_condition& pool, const verdict_options& o,
                time_point now) noexcept {
    if (e.admin != admin_state::automatic) return judge_admin(e);
    if (e.check == check_state::pending) {
        const bool serves = o.initial == initial_state::up || pool.others_up == 0;
        if (serves)
            return {.reason = o.initial == initial_state::up ? verdict_reason::first_check_pending
                                                             : verdict_reason::nobody_else_is_up,
                    .since = e.check_since};
        if (pool.panic) return {.reason = verdict_reason::panic, .since = e.check_since};
        return {.verdict = endpoint_verdict::warming,
                .traffic = traffic::none,
                .share = 0,
                .reason = verdict_reason::first_check_pending,
                .since = e.check_since};
    }
    if (e.check == check_state::down) {
        const bool anyway = pool.panic;
        return {.verdict = endpoint_verdict::down,
                .traffic = anyway ? traffic::full : traffic::none,
                .share = anyway ? 1.0 : 0.0,
                .reason = anyway ? verdict_reason::panic : verdict_reason::checks_failed,
                .since = e.check_since};
    }
    if (e.ejected && !pool.ejection_cancelled)
        return {.verdict = endpoint_verdict::ejected,
                .traffic = now >= e.ejected_until ? traffic::trial : traffic::none,
                .share = 0,
                .reason = verdict_reason::outlier,
                .since = e.ejected_since,
                .until = e.ejected_until};
    if (breaker_refuses(e.breaker)) return judge_breaker(e, now);
    if (e.ejected) return serve(e, o, verdict_reason::kept_by_min_available, e.ejected_since, now);
    const time_point healthy_since =
        std::max({e.admin_since, e.check_since, e.breaker_since, e.serving_since, e.ejected_until});
    return serve(e, o, verdict_reason::healthy, healthy_since, now);
}

std::uint32_t required_available(const verdict_options& o, std::uint32_t in_service_count) noexcept {
    // The little less keeps 0.07 of 100, which is computed as 7.000…1, at 7.
    const auto by_share =
        static_cast<std::uint32_t>(std::ceil(o.min_available_share * double(in_service_count) - 1e-9));
    const std::uint32_t wanted = std::min(std::max(o.min_available, by_share), in_service_count);
    return in_service_count == 1 ? 1 : wanted;
}

std::vector<judgement> judge_pool(std::span<const endpoint_condition> pool, const verdict_options& o, time_point now) {
    std::vector<judgement> out(pool.size());
    std::vector<pool_condition> around(pool.size());
    const auto decide = [&](std::size_t i) { out[i] = judge(pool[i], around[i], o, now); };
    const auto serving = [&](std::size_t i) { return out[i].traffic == traffic::full; };

    // Those before their first check come last, because their verdict depends on the others'.
    std::uint32_t service = 0, up = 0;
    for (std::size_t i = 0; i < pool.size(); ++i) {
        service += in_service(pool[i]);
        if (before_first_check(pool[i])) continue;
        decide(i);
        up += serving(i);
    }
    std::uint32_t available = up;
    for (std::size_t i = 0; i < pool.size(); ++i) {
        if (!before_first_check(pool[i])) continue;
        around[i].others_up = up;
        decide(i);
        available += serving(i);
    }

    const std::uint32_t required = required_available(o, service);
    std::vector<std::size_t> ejected;
    for (std::size_t i = 0; i < pool.size(); ++i)
        if (out[i].verdict == endpoint_verdict::ejected) ejected.push_back(i);
    const auto badness = [&](std::size_t i) {
        return std::tuple{pool[i].ejections, pool[i].failure_rate, pool[i].ejected_since, i};
    };
    std::ranges::sort(ejected, {}, badness);
    for (const std::size_t i : ejected) {
        if (available >= required) break;
        around[i].ejection_cancelled = true;
        decide(i);
        available += serving(i);
    }

    if (available < required && o.panic == panic_mode::route_all) {
        for (std::size_t i = 0; i < pool.size(); ++i) {
            around[i].panic = true;
            decide(i);
        }
    }
    return out;
}

std::vector<config_error> verdict_options::validate() const {
    std::vector<config_error> wrong;
    const auto within = [&](const char* option, double value, bool fits, const char* expectation) {
        if (!fits) wrong.push_back({option, std::to_string(value), expectation});
    };
    within("min_available_share", min_available_share, min_available_share >= 0 && min_available_share <= 1,
           "must be between 0 and 1");
    within("slow_start_floor", slow_start_floor, slow_start_floor > 0 && slow_start_floor <= 1,
           "must be above 0, and at most 1");
    if (slow_start < duration{0})
        wrong.push_back({"slow_start", std::to_string(slow_start.count()) + "ns", "must not be negative; 0 is off"});
    return wrong;
}

namespace {

template <std::size_t N, class E>
const char* name_of(const char* const (&names)[N], E e) noexcept {
    const auto i = static_cast<std::size_t>(e);
    return i < N ? names[i] : "unknown";
}

}  // namespace

const char* to_string(admin_state s) noexcept {
    static constexpr const char* names[] = {"auto", "drain", "maintenance", "force_up"};
    return name_of(names, s);
}
const char* to_string(check_state s) noexcept {
    static constexpr const char* names[] = {"off", "pending", "up", "down"};
    return name_of(names, s);
}
const char* to_string(endpoint_verdict v) noexcept {
    static constexpr const char* names[] = {"maintenance", "draining", "forced_up", "warming",    "down",
                                            "ejected",     "open",     "half_open", "slow_start", "up"};
    return name_of(names, v);
}
const char* to_string(traffic t) noexcept {
    static constexpr const char* names[] = {"none", "trial", "existing", "full"};
    return name_of(names, t);
}
const char* to_string(verdict_reason r) noexcept {
    static constexpr const char* names[] = {
        "healthy", "set_by_operator", "first_check_pending", "nobody_else_is_up",     "checks_failed",
        "outlier", "circuit_breaker", "ramping_up",          "kept_by_min_available", "panic"};
    return name_of(names, r);
}

}  // namespace fusebox::gateway
