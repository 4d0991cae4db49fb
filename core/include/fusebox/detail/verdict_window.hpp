// A count or a time window behind one face, with the conversions that a reconfiguration needs.
// Pure and single-threaded; the caller locks.
#pragma once

#include <fusebox/circuit_snapshot.hpp>
#include <fusebox/detail/count_ring.hpp>
#include <fusebox/detail/time_ring.hpp>

#include <span>
#include <variant>

namespace fusebox::detail {

class verdict_window {
public:
    verdict_window(const window_options& options, time_point now) : ring_(make(options, now)) {}

    void record(bool failed, bool slow, time_point now) noexcept {
        if (auto* timed = std::get_if<time_ring>(&ring_)) {
            timed->advance(now);
            timed->add({!failed, failed, slow});
        } else {
            std::get_if<count_ring>(&ring_)->record(failed, slow);
        }
    }

    // Adds fast successes that were counted elsewhere since the last call. In a time window they belong
    // to the current bucket, because the first call after a bucket's end always comes through record().
    void absorb(std::uint64_t successes) noexcept {
        if (auto* timed = std::get_if<time_ring>(&ring_))
            timed->add({static_cast<std::uint32_t>(std::min<std::uint64_t>(successes, UINT32_MAX)), 0, 0});
        else std::get_if<count_ring>(&ring_)->record_successes(successes);
    }

    // True while a fast success may be counted elsewhere and added later: it cannot trip anything. (More
    // successes only lower a rate, once minimum_calls is reached.)
    bool indifferent_to_success(std::uint64_t minimum_calls) const noexcept {
        const window_snapshot w = snapshot();
        return (w.failures == 0 && w.slow_calls == 0) || w.calls >= minimum_calls;
    }

    // The sums as of the last record() or advance(), and as of `now`.
    window_snapshot snapshot() const noexcept {
        const auto* timed = std::get_if<time_ring>(&ring_);
        return timed ? timed->snapshot() : std::get_if<count_ring>(&ring_)->snapshot();
    }
    window_snapshot snapshot(time_point now) const noexcept;

    // Until when fast successes may be counted elsewhere: the end of the current bucket.
    time_point indifferent_until() const noexcept {
        const auto* timed = std::get_if<time_ring>(&ring_);
        return timed ? timed->bucket_end() : time_point::max();
    }

    void advance(time_point now) noexcept;
    void clear() noexcept;

    // Takes on another shape and keeps the verdicts: a count window its newest, a time window each in
    // the bucket of its time. Turned from one kind into the other, a count window's verdicts are taken
    // for present ones, and a bucket's for failures after successes, the slow ones last.
    void reshape(const window_options& options, time_point now);

    bool is_timed() const noexcept { return std::holds_alternative<time_ring>(ring_); }

    // For export: calls visit(age of the bucket's start at `now`, bucket), or one bucket per verdict
    // with age zero in a count window; oldest first.
    template <class Visit>
    void for_each(time_point now, Visit visit) const {
        if (const auto* timed = std::get_if<time_ring>(&ring_)) {
            timed->for_each(now, [&](time_point start, const time_bucket& b) {
                if (!b.empty()) visit(now - start, b);
            });
        } else {
            std::get<count_ring>(ring_).for_each(
                [&](bool failed, bool slow) { visit(duration{0}, time_bucket{!failed, failed, slow}); });
        }
    }

    // For import: the inverse of for_each. Costs at most a step for each of `verdicts` and for each place of the
    // window.
    void restore(std::span<const circuit_image::verdicts> verdicts, time_point now) noexcept;

private:
    using ring = std::variant<time_ring, count_ring>;
    static ring make(const window_options& options, time_point now);

    ring ring_;
};

}  // namespace fusebox::detail
