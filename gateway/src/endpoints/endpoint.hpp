// One endpoint of an upstream: what all threads share of it while requests go to it.
//
// Every worker thread counts in a cell of its own, which nobody else writes; readers add the cells up. Shared
// words are written only when something is wrong (a failure, a trial) or when the balancing needs it (the calls
// in flight, for least request and peak EWMA).
//
// Thread-safety: as each member says. `worker` is the caller's own number, below the number of workers.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/verdict.hpp>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace fusebox::gateway {

struct endpoint_spec {
    std::string id;            // keeps its state through reloads and discovery
    std::string address;       // "10.0.0.1:80"
    std::uint32_t weight = 1;  // 1 to 1000

    friend bool operator==(const endpoint_spec&, const endpoint_spec&) = default;
};

// Results so far.
struct endpoint_totals {
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::uint64_t ignored = 0;
    std::uint32_t in_flight = 0;
};

class endpoint {
public:
    endpoint(std::string id, std::string address, unsigned workers)
        : id_(std::move(id)), address_(std::move(address)), cells_(workers) {}
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;

    const std::string& id() const noexcept { return id_; }
    const std::string& address() const noexcept { return address_; }

    // The sum of all cells; each number is right, of slightly different moments. Any thread.
    endpoint_totals totals() const noexcept {
        endpoint_totals sum;
        for (const cell& c : cells_) {
            sum.successes += c.successes.load(std::memory_order_relaxed);
            sum.failures += c.failures.load(std::memory_order_relaxed);
            sum.ignored += c.ignored.load(std::memory_order_relaxed);
            sum.in_flight += c.in_flight.load(std::memory_order_relaxed);
        }
        return sum;
    }

private:
    friend class balancer;
    friend class upstream;

    // Written by one worker; read by any.
    struct alignas(64) cell {
        std::atomic<std::uint64_t> successes{0};
        std::atomic<std::uint64_t> failures{0};
        std::atomic<std::uint64_t> ignored{0};
        std::atomic<std::uint32_t> in_flight{0};
        double latency = 0;  // ns, peak-sensitive average; the worker's alone
        time_point observed{};
    };

    template <class T>
    static void add(std::atomic<T>& own, T n) noexcept {
        own.store(own.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    void begin(unsigned worker, bool counted) noexcept {
        add(cells_[worker].in_flight, 1u);
        if (counted) active_.fetch_add(1, std::memory_order_relaxed);
    }

    void end(unsigned worker, bool counted, verdict how) noexcept {
        cell& c = cells_[worker];
        add(c.in_flight, ~0u);  // minus one
        add(how == verdict::success ? c.successes : how == verdict::failure ? c.failures : c.ignored, std::uint64_t{1});
        if (counted) active_.fetch_sub(1, std::memory_order_relaxed);
    }

    bool busy(unsigned worker) const noexcept { return cells_[worker].in_flight.load(std::memory_order_relaxed) != 0; }

    // True at every `limit`-th failure in a row, and not at those between, which would all ask for a lock.
    bool failed_in_a_row(std::uint32_t limit) noexcept {
        return (consecutive_failures_.fetch_add(1, std::memory_order_relaxed) + 1) % limit == 0;
    }
    void succeeded() noexcept {
        if (consecutive_failures_.load(std::memory_order_relaxed) != 0)
            consecutive_failures_.store(0, std::memory_order_relaxed);
    }

    // Takes the endpoint's only trial; the token (never zero) gives it back. Zero when it is taken.
    std::uint64_t claim_trial(time_point lease_ends) noexcept {
        std::uint64_t free = 0;
        const auto token = static_cast<std::uint64_t>(lease_ends.time_since_epoch().count()) | 1;
        if (trial_.load(std::memory_order_relaxed) != 0) return 0;
        return trial_.compare_exchange_strong(free, token, std::memory_order_acq_rel) ? token : 0;
    }
    // False when its lease had run out, and it was taken away.
    bool return_trial(std::uint64_t token) noexcept {
        return trial_.compare_exchange_strong(token, 0, std::memory_order_acq_rel);
    }

    const std::string id_;
    const std::string address_;
    std::vector<cell> cells_;

    alignas(64) std::atomic<std::uint32_t> consecutive_failures_{0};
    std::atomic<time_point> retrial_at_{time_point::max()};  // when an ejected one may prove itself; max(): it is not
    std::atomic<std::uint64_t> trial_{0};                    // the token, which says when its lease ends

    alignas(64) std::atomic<std::uint32_t> active_{0};  // calls in flight of all workers, where they are counted
};

}  // namespace fusebox::gateway
