#include "option_checker.hpp"

#include <fusebox/hedge.hpp>

#include <bit>

namespace fusebox {

namespace {

hedge_options completed(hedge_options o) {
    if (auto errors = o.validate(); !errors.empty()) throw configuration_error("hedge", std::move(errors));
    if (!o.budget) o.budget = std::make_shared<retry_budget>();
    return o;
}

}  // namespace

std::vector<config_error> hedge_options::validate() const {
    detail::option_checker c;
    if (!delay && !quantile) c.refuse("delay", "unset", "must be set, or quantile, or both: they say when to hedge");
    if (delay)
        c.require(*delay >= duration{0} && *delay <= std::chrono::hours{24}, "delay", *delay, "between 0s and 24h");
    if (quantile) c.require(*quantile >= 0.5 && *quantile <= 0.999, "quantile", *quantile, "between 0.5 and 0.999");
    c.count("minimum_samples", minimum_samples, detail::latency_quantile::window);
    c.require(max_attempts >= 2 && max_attempts <= most_attempts, "max_attempts", max_attempts,
              "between 2 and " + std::to_string(most_attempts) + ", the first attempt included");
    return c.take();
}

hedge::hedge(const hedge_options& options)
    : options_(completed(options)),
      latencies_(options.quantile
                     ? std::make_unique<detail::latency_quantile>(*options.quantile, options.minimum_samples)
                     : nullptr) {}

hedge::session hedge::begin(time_point now, const retry_budget* noted_in) noexcept {
    if (noted_in != options_.budget.get()) options_.budget->note_call(now);
    return session{*this, current_delay(), now};
}

hedge_snapshot hedge::snapshot() const noexcept {
    return {launched_.load(std::memory_order_relaxed), won_.load(std::memory_order_relaxed),
            suppressed_.load(std::memory_order_relaxed), current_delay()};
}

hedge::session::session(hedge& owner, std::optional<duration> delay, time_point now) noexcept
    : owner_(&owner), delay_(delay) {
    started_[0] = now;
    plan(now);
}

void hedge::session::plan(time_point now) noexcept {
    next_launch_.reset();
    if (delay_ && !closed_ && attempts_ < owner_->options_.max_attempts) next_launch_ = saturating_add(now, *delay_);
}

std::uint32_t hedge::session::running() const noexcept {
    return static_cast<std::uint32_t>(std::popcount(running_));
}

bool hedge::session::is_running(std::uint32_t attempt) const noexcept {
    return attempt >= 1 && attempt <= attempts_ && (running_ >> (attempt - 1) & 1) != 0;
}

std::optional<std::uint32_t> hedge::session::launch(time_point now) noexcept {
    next_launch_.reset();
    if (closed_ || attempts_ == owner_->options_.max_attempts) return {};
    if (!place_) place_ = owner_->options_.budget->try_reserve(now);
    if (!place_) {
        owner_->suppressed_.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    place_->spend(now);
    place_.reset();
    owner_->launched_.fetch_add(1, std::memory_order_relaxed);
    started_[attempts_] = now;
    running_ |= 1u << attempts_;
    ++attempts_;
    plan(now);
    return attempts_;
}

hedge::decision hedge::session::ended(std::uint32_t attempt, const report& how, bool policy_refused,
                                      time_point now) noexcept {
    if (!is_running(attempt)) return {hedge_action::wait};
    if (!policy_refused && how.outcome != verdict::failure) {
        note_latencies(attempt, how, now);
        if (attempt > 1) owner_->won_.fetch_add(1, std::memory_order_relaxed);
        running_ = 0;
        closed_ = true;
        next_launch_.reset();
        place_.reset();
        return {hedge_action::finished, attempt};
    }

    running_ &= ~(1u << (attempt - 1));
    if (!policy_refused || !made_) last_error_ = attempt;
    made_ = made_ || !policy_refused;
    if (policy_refused) {
        closed_ = true;
        next_launch_.reset();
        place_.reset();
    }
    if (place_) return {hedge_action::wait};  // launch_now has been said, and launch() is still to come
    if (!closed_ && attempts_ < owner_->options_.max_attempts) {
        place_ = owner_->options_.budget->try_reserve(now);
        if (place_) return {hedge_action::launch_now};
        owner_->suppressed_.fetch_add(1, std::memory_order_relaxed);
    }
    if (running_ != 0) return {hedge_action::wait};
    closed_ = true;
    next_launch_.reset();
    return {hedge_action::failed, last_error_};
}

hedge::decision hedge::session::not_started(std::uint32_t attempt) noexcept {
    if (!is_running(attempt)) return {hedge_action::wait};
    owner_->launched_.fetch_sub(1, std::memory_order_relaxed);
    owner_->suppressed_.fetch_add(1, std::memory_order_relaxed);
    running_ &= ~(1u << (attempt - 1));
    closed_ = true;
    next_launch_.reset();
    return running_ != 0 ? decision{hedge_action::wait} : decision{hedge_action::failed, last_error_};
}

// Only what says how long the dependency takes when it works. A first attempt that lost would have taken
// longer than it ran, and without it the quantile would sink below the delay that it made.
void hedge::session::note_latencies(std::uint32_t winner, const report& how, time_point now) const noexcept {
    if (!owner_->latencies_ || how.outcome != verdict::success) return;
    owner_->latencies_->note(how.elapsed.value_or(now - started_[winner - 1]));
    if (winner != 1 && is_running(1)) owner_->latencies_->note(now - started_[0]);
}

}  // namespace fusebox
