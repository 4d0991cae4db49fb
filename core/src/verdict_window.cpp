#include <fusebox/detail/verdict_window.hpp>

namespace fusebox::detail {

verdict_window::ring verdict_window::make(const window_options& options, time_point now) {
    if (const auto* t = std::get_if<time_window>(&options)) return time_ring{t->buckets, t->width, now};
    return count_ring{std::get<count_window>(options).size};
}

void verdict_window::record(bool failed, bool slow, time_point now) noexcept {
    if (auto* timed = std::get_if<time_ring>(&ring_)) {
        timed->advance(now);
        timed->add({!failed, failed, slow});
    } else {
        std::get_if<count_ring>(&ring_)->record(failed, slow);
    }
}

void verdict_window::absorb(std::uint64_t successes) noexcept {
    if (successes == 0) return;
    if (auto* timed = std::get_if<time_ring>(&ring_))
        timed->add({static_cast<std::uint32_t>(std::min<std::uint64_t>(successes, UINT32_MAX)), 0, 0});
    else
        std::get_if<count_ring>(&ring_)->record_successes(successes);
}

bool verdict_window::indifferent_to_success(std::uint64_t minimum_calls) const noexcept {
    const window_snapshot w = snapshot();
    return (w.failures == 0 && w.slow_calls == 0) || w.calls >= minimum_calls;
}

window_snapshot verdict_window::snapshot() const noexcept {
    return std::visit([](const auto& r) { return r.snapshot(); }, ring_);
}

window_snapshot verdict_window::snapshot(time_point now) const noexcept {
    const auto* timed = std::get_if<time_ring>(&ring_);
    return timed ? timed->snapshot(now) : snapshot();
}

time_point verdict_window::indifferent_until() const noexcept {
    const auto* timed = std::get_if<time_ring>(&ring_);
    return timed ? timed->bucket_end() : time_point::max();
}

void verdict_window::advance(time_point now) noexcept {
    if (auto* timed = std::get_if<time_ring>(&ring_)) timed->advance(now);
}

void verdict_window::clear() noexcept {
    std::visit([](auto& r) { r.clear(); }, ring_);
}

void verdict_window::restore(duration age, const time_bucket& verdicts, time_point now) noexcept {
    if (auto* timed = std::get_if<time_ring>(&ring_)) {
        timed->add_past(now - age, verdicts);
        return;
    }
    auto& counted = *std::get_if<count_ring>(&ring_);
    const std::uint64_t all = std::uint64_t{verdicts.successes} + verdicts.failures;
    // Only the newest fit; the rest need not be walked through.
    for (auto i = all - std::min<std::uint64_t>(all, counted.size()); i < all; ++i)
        counted.record(i >= verdicts.successes, i + verdicts.slow >= all);
}

void verdict_window::reshape(const window_options& options, time_point now) {
    verdict_window next{options, now};
    for_each(now, [&](duration age, const time_bucket& b) { next.restore(age, b, now); });
    ring_ = std::move(next.ring_);
}

}  // namespace fusebox::detail
