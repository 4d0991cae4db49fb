#include "option_checker.hpp"

#include <fusebox/backoff.hpp>
#include <fusebox/retry.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fusebox {

namespace {

constexpr duration day = std::chrono::hours{24};

retry_options completed(retry_options o) {
    if (auto errors = o.validate(); !errors.empty()) throw configuration_error("retry", std::move(errors));
    if (!o.budget && !o.without_budget) o.budget = std::make_shared<retry_budget>();
    return o;
}

// Uniform in (low, high], rounded up; `unit` is uniform in [0, 1). Both are at most three days: a double
// holds them to the nanosecond.
duration between(duration low, duration high, double unit) noexcept {
    const double span = double((high - low).count()) * (1.0 - unit);
    return low + duration{static_cast<std::int64_t>(std::ceil(span))};
}

}  // namespace

std::vector<config_error> retry_options::validate() const {
    detail::option_checker c;
    c.count("max_attempts", max_attempts, 1'000'000);
    c.require(cap >= duration{0} && cap <= day, "cap", cap, "between 0s and 24h");
    c.require(base >= duration{0} && base <= cap, "base", base, "between 0s and cap, " + detail::option_text(cap));
    c.require(multiplier >= 1.0 && multiplier <= 100.0, "multiplier", multiplier, "between 1 and 100");
    c.require(retry_after_max >= duration{0} && retry_after_max <= day, "retry_after_max", retry_after_max,
              "between 0s and 24h");
    if (backoff > backoff_kind::decorrelated)
        c.refuse("backoff", std::to_string(unsigned(backoff)), "must be exponential, fixed or decorrelated");
    if (jitter > jitter_kind::none) c.refuse("jitter", std::to_string(unsigned(jitter)), "must be full or none");
    if (backoff == backoff_kind::decorrelated && jitter == jitter_kind::none)
        c.refuse("jitter", "none", "must be full: decorrelated backoff is random by itself");
    if (budget && without_budget)
        c.refuse("without_budget", "true", "must be false when a budget is given; leave out one of the two");
    return c.take();
}

const char* to_string(give_up_reason r) noexcept {
    switch (r) {
        case give_up_reason::succeeded: return "succeeded";
        case give_up_reason::not_retryable: return "not_retryable";
        case give_up_reason::refused: return "refused";
        case give_up_reason::attempts_exhausted: return "attempts_exhausted";
        case give_up_reason::budget_exhausted: return "budget_exhausted";
        case give_up_reason::deadline_too_near: return "deadline_too_near";
        case give_up_reason::cancelled: break;
    }
    return "cancelled";
}

std::string retry::again_at::message() const {
    char text[80];
    std::snprintf(text, sizeof text, "Attempt %u failed, retrying in %.2fs...", failed_attempt,
                  std::chrono::duration<double>(wait).count());
    return text;
}

retry::retry(const retry_options& options)
    : options_(completed(options)), seed_(options.seed ? *options.seed : fresh_seed()) {}

duration retry::backoff(std::uint32_t failures, duration before, splitmix64& random) const noexcept {
    const auto& o = options_;
    if (o.backoff == backoff_kind::decorrelated) {
        const duration previous = failures == 1 ? o.base : before;
        return std::min(o.cap, between(o.base, std::max(o.base, previous * 3), random.unit()));
    }
    const double multiplier = o.backoff == backoff_kind::fixed ? 1.0 : o.multiplier;
    const duration bound = exponential_backoff(o.base, multiplier, o.cap, failures - 1);
    return o.jitter == jitter_kind::none ? bound : between(duration{0}, bound, random.unit());
}

retry::next retry::count(give_up_reason why, bool first_attempt) noexcept {
    if (why != give_up_reason::succeeded || !first_attempt)
        given_up_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    return give_up{why};
}

retry_snapshot retry::snapshot() const noexcept {
    const auto of = [&](give_up_reason r) {
        return given_up_[static_cast<std::size_t>(r)].load(std::memory_order_relaxed);
    };
    return {retries_.load(std::memory_order_relaxed), of(give_up_reason::succeeded),
            of(give_up_reason::not_retryable),        of(give_up_reason::refused),
            of(give_up_reason::attempts_exhausted),   of(give_up_reason::budget_exhausted),
            of(give_up_reason::deadline_too_near),    of(give_up_reason::cancelled)};
}

retry::next retry::session::after(const report& outcome, bool policy_refused, time_point now,
                                  time_point deadline) noexcept {
    const auto over = [&](give_up_reason why) { return owner_->count(why, attempt_ == 1); };
    const auto& o = owner_->options_;
    if (policy_refused) return over(give_up_reason::refused);
    if (outcome.outcome == verdict::success) return over(give_up_reason::succeeded);
    if (outcome.outcome == verdict::ignored) return over(give_up_reason::not_retryable);
    if (attempt_ >= o.max_attempts) return over(give_up_reason::attempts_exhausted);

    // Only now, so that calls that succeed share no memory. Mixed, since streams whose seeds lie a
    // constant apart could be the same one, shifted.
    if (attempt_ == 1)
        random_ = splitmix64{
            splitmix64{owner_->seed_ + owner_->failed_calls_.fetch_add(1, std::memory_order_relaxed)}.next()};

    wait_ = owner_->backoff(attempt_, wait_, random_);
    // Kept apart: the next decorrelated draw continues from our backoff, not from the dependency's wish.
    const duration wish = std::min(outcome.retry_after.value_or(duration{0}), o.retry_after_max);
    const duration pause = std::max(wait_, wish);
    wakes_ = saturating_add(now, pause);
    if (wakes_ >= deadline) return over(give_up_reason::deadline_too_near);

    if (o.budget) {
        place_ = o.budget->try_reserve(now);
        if (!place_) return over(give_up_reason::budget_exhausted);
    }
    return again_at{wakes_, pause, attempt_};
}

void retry::session::start_attempt() noexcept {
    if (place_) place_->spend(wakes_);
    place_.reset();
    ++attempt_;
    owner_->retries_.fetch_add(1, std::memory_order_relaxed);
}

retry::next retry::session::cancel() noexcept {
    place_.reset();
    return owner_->count(give_up_reason::cancelled, attempt_ == 1);
}

}  // namespace fusebox
