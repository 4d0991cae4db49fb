// Chooses the endpoint of a request, and hears how it went. Each worker thread has its own for each upstream.
//
//   if (auto chosen = orders.pick({.hash = key, .tried = tried}, now)) {
//       ... chosen->target().address() ...
//       chosen->settle(verdict::success, now);
//   }   // nobody may be asked: refuse
//
//   round_robin    a fixed weighted order, begun at a place of the worker's own (weighted_schedule.hpp)
//   random         by weight
//   least_request  of two drawn by weight, the one with fewer calls in flight for its weight (Mitzenmacher, "The
//                  Power of Two Choices in Randomized Load Balancing", 1996)
//   peak_ewma      of two drawn by weight, the one with the lower latency * (calls in flight + 1), where
//                  latency jumps to every peak and sinks by e^(-t/decay): after Finagle's "peak EWMA"
//                  balancer. A failure never lowers it, or whoever fails fast would draw all traffic.
//   ring_hash, maglev   by the request's hash (hash_ring.hpp, maglev.hpp)
//
// An endpoint that is due for a trial is chosen first, for one call at a time. Endpoints in `tried` are chosen
// only when nobody else is left. All but the search for somebody untried costs the same for 10 endpoints and for
// 10 000, and nothing is allocated. While the endpoints' verdicts stay, a pick reads one shared word and writes
// none, but for the calls in flight with least_request and peak_ewma.
//
// Slow start: draws are by weight times share; with hashes, an endpoint has that share of its keys, always the
// same ones, and the rest go on to the next.
//
// Thread-safety: none; one worker thread uses it, and destroys what it gave out. The upstream must outlive it.
#pragma once

#include <fusebox/random.hpp>
#include "endpoints/upstream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace fusebox::gateway {

struct pick_request {
    std::uint64_t hash = 0;                    // of the request's key (stable_hash), for ring_hash and maglev
    std::string_view bound_to{};               // the endpoint that this client must stick to, if any
    std::span<const endpoint* const> tried{};  // by this request before
    bool may_be_trial = true;                  // false for what must not be risked on a doubtful endpoint
};

class balancer {
public:
    // One call to an endpoint. Settled once; destroyed unsettled it counts as ignored. Must not outlive its balancer.
    class [[nodiscard]] lease {
    public:
        lease(lease&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)),
              target_(other.target_),
              began_(other.began_),
              trial_(other.trial_),
              counted_(other.counted_) {}
        lease& operator=(lease&& other) noexcept {
            if (this != &other) {
                abandon();
                owner_ = std::exchange(other.owner_, nullptr);
                target_ = other.target_;
                began_ = other.began_;
                trial_ = other.trial_;
                counted_ = other.counted_;
            }
            return *this;
        }
        ~lease() { abandon(); }

        // Valid until settled.
        const endpoint& target() const noexcept { return *target_; }
        bool is_trial() const noexcept { return trial_ != 0; }

        // `now` minus when it was picked is the endpoint's latency.
        void settle(verdict how, time_point now) {
            if (auto* o = std::exchange(owner_, nullptr)) o->settle(*this, how, now);
        }
        // The outcome of a trial is clear, though the call goes on: it is a trial no more.
        void settle_trial(verdict how, time_point now) {
            if (owner_ != nullptr && trial_ != 0) owner_->end_trial(*this, how, now);
        }

    private:
        friend class balancer;
        lease(balancer& owner, endpoint& target, time_point began, std::uint64_t trial, bool counted) noexcept
            : owner_(&owner), target_(&target), began_(began), trial_(trial), counted_(counted) {}
        void abandon() noexcept {
            if (auto* o = std::exchange(owner_, nullptr)) o->drop(*this);
        }

        balancer* owner_;
        endpoint* target_;
        time_point began_;
        std::uint64_t trial_;
        bool counted_;
    };

    // `worker` is below upstream::workers(), and no other balancer of this upstream has it.
    balancer(upstream& of, unsigned worker, std::uint64_t seed);
    balancer(const balancer&) = delete;
    balancer& operator=(const balancer&) = delete;

    // Nothing when no endpoint may be asked now.
    std::optional<lease> pick(const pick_request& request, time_point now);

    // The set that it draws from; the newest, if there is news.
    const endpoint_set& set() {
        if (upstream_.generation() != set_->generation()) [[unlikely]]
            renew();
        return *set_;
    }

private:
    static constexpr unsigned redraws = 4;  // before it is searched who has not been tried

    void renew();
    std::optional<lease> pick_trial(const pick_request& request, time_point now);
    std::uint32_t choose(const pick_request& request, time_point now);
    std::uint32_t choose_once(unsigned redraw, time_point now);
    std::uint32_t choose_of_two(time_point now);
    template <class Table>
    std::uint32_t choose_by_hash(const Table& table, const pick_request& request) noexcept;
    std::uint32_t first_untried(const pick_request& request, std::uint32_t from) const noexcept;
    double latency_load(endpoint& e, time_point now) const noexcept;
    void observe(endpoint& e, bool success, time_point began, time_point now) noexcept;
    lease begin(endpoint& e, time_point now, std::uint64_t trial) noexcept;
    void settle(lease& l, verdict how, time_point now);
    void judge(endpoint& e, bool success, time_point began, time_point now);
    void end_trial(lease& l, verdict how, time_point now);
    void drop(const lease& l) noexcept;

    upstream& upstream_;
    const unsigned worker_;
    splitmix64 random_;
    std::uint64_t turn_;  // of round robin
    std::shared_ptr<const endpoint_set> set_;
    std::vector<std::shared_ptr<endpoint>> kept_;  // of older sets, with calls of ours still in flight
};

}  // namespace fusebox::gateway
