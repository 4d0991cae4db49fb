#include <fusebox/detail/verdict_window.hpp>

namespace fusebox::detail {

verdict_window::ring verdict_window::make(const window_options& options, time_point now) {
    if (const auto* t = std::get_if<time_window>(&options)) return time_ring{t->buckets, t->width, now};
    return count_ring{std::get<count_window>(options).size};
}

window_snapshot verdict_window::snapshot(time_point now) const noexcept {
    const auto* timed = std::get_if<time_ring>(&ring_);
    return timed ? timed->snapshot(now) : snapshot();
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
