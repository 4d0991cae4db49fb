#include <fusebox/detail/verdict_window.hpp>

#include <vector>

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

namespace {

std::uint64_t calls_of(const circuit_image::verdicts& v) noexcept {
    return std::uint64_t{v.successes} + v.failures;
}

}  // namespace

void verdict_window::restore(std::span<const circuit_image::verdicts> verdicts, time_point now) noexcept {
    if (auto* timed = std::get_if<time_ring>(&ring_)) {
        for (const auto& v : verdicts) timed->add_past(now - v.age, {v.successes, v.failures, v.slow_calls});
        return;
    }
    auto& counted = *std::get_if<count_ring>(&ring_);
    // Only the newest fit; the rest need not be walked through.
    std::uint64_t room = counted.size();
    std::size_t first = verdicts.size();
    while (first > 0 && room > 0) room -= std::min(room, calls_of(verdicts[--first]));
    for (; first < verdicts.size(); ++first) {
        const auto& v = verdicts[first];
        const std::uint64_t all = calls_of(v);
        for (auto i = all - std::min<std::uint64_t>(all, counted.size()); i < all; ++i)
            counted.record(i >= v.successes, i + v.slow_calls >= all);
    }
}

void verdict_window::reshape(const window_options& options, time_point now) {
    verdict_window next{options, now};
    std::vector<circuit_image::verdicts> kept;
    for_each(now, [&](duration age, const time_bucket& b) { kept.push_back({age, b.successes, b.failures, b.slow}); });
    next.restore(kept, now);
    ring_ = std::move(next.ring_);
}

}  // namespace fusebox::detail
