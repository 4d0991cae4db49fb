// How many requests ended how, and how long they took: a histogram for each method and end that has occurred, with the
// bounds that OpenTelemetry's semantic conventions name for the duration of HTTP requests.
//
// Of a fixed size, so that counting allocates nothing. What finds no room any more is counted together, as `others`.
//
// Thread-safety: add() from one thread; for_each() from any, which may see a count that is newer than the others.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/http/request_head.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace fusebox::gateway {

class timings {
public:
    // In seconds.
    static constexpr std::array bounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0};

    // What ended: a request with this method, by a status, or by whatever else the caller gives numbers from 1000 on.
    struct kind {
        http::method_id method = http::method_id::other;
        std::uint16_t end = 0;

        friend auto operator<=>(const kind&, const kind&) = default;
    };
    static constexpr kind others{http::method_id::other, 0};

    struct histogram {
        std::array<std::uint64_t, bounds.size() + 1> up_to{};  // not cumulative; the last is for what is longer
        double seconds = 0;

        std::uint64_t count() const noexcept {
            std::uint64_t all = 0;
            for (const std::uint64_t n : up_to) all += n;
            return all;
        }
    };

    void add(kind what, duration took) noexcept {
        entry& e = entry_of(what);
        std::size_t bucket = 0;
        while (bucket < bounds.size() && took > limits[bucket]) ++bucket;
        increase(e.up_to[bucket], 1);
        increase(e.nanoseconds, static_cast<std::uint64_t>(std::max(took, duration{0}).count()));
    }

    // Adds what was counted here to to(kind), a histogram&.
    template <class To>
    void add_to(To&& to) const {
        const std::size_t known = used_.load(std::memory_order_acquire);
        for (std::size_t i = 0; i < known; ++i) {
            histogram& all = to(entries_[i].what);
            for (std::size_t b = 0; b < all.up_to.size(); ++b)
                all.up_to[b] += entries_[i].up_to[b].load(std::memory_order_relaxed);
            all.seconds += static_cast<double>(entries_[i].nanoseconds.load(std::memory_order_relaxed)) / 1e9;
        }
    }

private:
    static constexpr std::size_t most = 24;
    static constexpr auto limits = [] {
        std::array<duration, bounds.size()> all{};
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = duration{static_cast<duration::rep>(bounds[i] * 1e9 + 0.5)};
        return all;
    }();

    struct entry {
        kind what;
        std::array<std::atomic<std::uint64_t>, bounds.size() + 1> up_to{};
        std::atomic<std::uint64_t> nanoseconds{0};
    };

    static void increase(std::atomic<std::uint64_t>& own, std::uint64_t by) noexcept {
        own.store(own.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    // The usual kinds come early, and so are found soon.
    entry& entry_of(kind what) noexcept {
        const std::size_t known = used_.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < known; ++i)
            if (entries_[i].what == what) return entries_[i];
        if (known == most) return entries_.back();
        entries_[known].what = known + 1 == most ? others : what;
        used_.store(known + 1, std::memory_order_release);
        return entries_[known];
    }

    std::array<entry, most> entries_{};
    std::atomic<std::size_t> used_{0};
};

}  // namespace fusebox::gateway
