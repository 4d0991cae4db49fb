// How an upstream's verdicts follow from what it knows, and from the passing of time.
#include "endpoints/upstream.hpp"

#include <algorithm>
#include <utility>

namespace fusebox::gateway {

endpoint_condition upstream::record::condition() const noexcept {
    return {.admin = admin,
            .admin_since = admin_since,
            .admin_until = admin_until,
            .check = check.state(),
            .check_since = check.since(),
            .ejected = ejection.active(),
            .ejected_since = ejection.since(),
            .ejected_until = ejection.until(),
            .ejections = ejection.in_a_row(),
            .failure_rate = ejection.failure_rate(),
            .breaker = breaker,
            .breaker_since = breaker_since,
            .breaker_until = breaker_until,
            .serving_since = serving_since};
}

void upstream::eject(record& r, ejection_reason why, double rate, time_point now) noexcept {
    r.ejection.eject(why, rate, options_->ejection, now);
    r.node->consecutive_failures_.store(0, std::memory_order_relaxed);
    show_ejection(r);
}

// Puts into the endpoint what the workers must see of its ejection.
void upstream::show_ejection(record& r) noexcept {
    r.node->retrial_at_.store(r.ejection.active() ? r.ejection.until() : time_point::max(), std::memory_order_relaxed);
}

void upstream::judge_rates(time_point now) noexcept {
    if (now < interval_ends_) return;
    interval_ends_ = saturating_add(now, options_->ejection.interval);
    for (auto& r : records_) {
        const endpoint_totals all = r.node->totals();
        const std::uint64_t failures = all.failures - r.at_interval.failures;
        const std::uint64_t calls = failures + all.successes - r.at_interval.successes;
        r.at_interval = all;
        if (!options_->ejection.failure_rate || calls < options_->ejection.minimum_calls) continue;
        const double rate = double(failures) / double(calls);
        if (rate >= *options_->ejection.failure_rate) eject(r, ejection_reason::failure_rate, rate, now);
    }
}

void upstream::let_time_pass(time_point now) noexcept {
    for (auto& r : records_) {
        if (now >= r.admin_until && r.admin != admin_state::automatic) {
            r.admin = admin_state::automatic;
            r.admin_since = now;
            r.admin_until = time_point::max();
        }
        const std::uint64_t token = r.node->trial_.load(std::memory_order_relaxed);
        if (token == 0 || now < time_point{duration{static_cast<duration::rep>(token)}}) continue;
        if (!r.node->return_trial(token)) continue;  // it ended just now
        r.ejection.trial_ended(false, r.ejection.number(), options_->ejection, now);
        show_ejection(r);
    }
    judge_rates(now);
}

upstream::changes upstream::judge_again(time_point now) {
    std::vector<endpoint_condition> conditions;
    conditions.reserve(records_.size());
    for (const auto& r : records_) conditions.push_back(r.condition());
    std::vector<judgement> verdicts = judge_pool(conditions, options_->verdict, now);

    // Who returns to full traffic begins its slow start now; not those that the upstream began with.
    bool returned = false;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (!assigned_ || verdicts[i].traffic != traffic::full || records_[i].judged.traffic == traffic::full) continue;
        records_[i].serving_since = conditions[i].serving_since = now;
        returned = true;
    }
    if (returned) verdicts = judge_pool(conditions, options_->verdict, now);

    changes news;
    bool set_changed = members_changed_;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        judgement& old = records_[i].judged;
        const judgement& fresh = verdicts[i];
        set_changed |= old.traffic != fresh.traffic || old.share != fresh.share;
        if (old.verdict != fresh.verdict || old.traffic != fresh.traffic || old.reason != fresh.reason)
            news.push_back({name_, records_[i].node->id(), old, fresh, ++sequence_, now});
        old = fresh;
    }
    if (set_changed) publish();
    next_due_.store(due_after(now), std::memory_order_relaxed);
    return news;
}

time_point upstream::due_after(time_point now) const noexcept {
    time_point due = time_point::max();
    const auto at = [&](time_point t) {
        if (t > now) due = std::min(due, t);
    };
    for (const auto& r : records_) {
        at(r.judged.until);
        at(r.admin_until);
        if (r.ejection.active()) at(r.ejection.until());
        if (r.judged.verdict == endpoint_verdict::slow_start) at(now + options_->verdict.slow_start / 20);
        if (r.judged.traffic == traffic::trial) at(now + options_->ejection.trial_lease);
    }
    if (options_->ejection.failure_rate) at(interval_ends_);
    return due;
}

}  // namespace fusebox::gateway
