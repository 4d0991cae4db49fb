// The endpoints behind one name: what is known of each, the verdicts that follow, and the set that the workers'
// balancers draw from (balancer.hpp).
//
//   fusebox::gateway::upstream orders{"orders", options, workers};
//   orders.assign(endpoints, now);              // from the configuration, and whenever discovery has news
//   orders.record_check("a", passed, began, now);
//   orders.refresh(now);                        // by a timer, at next_due()
//
// Nothing here reads a clock or starts a timer. Whoever drives it calls refresh() when next_due() has come: then
// ejections end, slow starts go on, failure rates are judged and lost trials are taken back.
//
// Endpoints are known by id. One that stays keeps all its state when the set changes; one that leaves is
// remembered for a while, and finds its state again when it returns with the same address.
//
// Thread-safety: all members may be called from any thread, from the listener too. Balancers read one word here
// while nothing changes, and never wait for verdicts being made.
#pragma once

#include <fusebox/gateway/upstream_options.hpp>
#include "endpoints/check_counter.hpp"
#include "endpoints/ejection.hpp"
#include "endpoints/endpoint_set.hpp"
#include "endpoints/endpoint_verdict.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

// An endpoint got another verdict, or other traffic.
struct verdict_change {
    std::string upstream;
    std::string endpoint;
    judgement before;
    judgement after;
    std::uint64_t sequence = 0;  // of this upstream: 1, 2, ...
    time_point at{};
};
using verdict_listener = std::function<void(const verdict_change&)>;

struct endpoint_snapshot {
    std::string id;
    std::string address;
    std::uint32_t weight = 1;
    judgement now{};
    endpoint_condition condition{};
    ejection_reason ejected_for = ejection_reason::consecutive_failures;
    endpoint_totals totals{};
};

class upstream {
public:
    // Throws configuration_error when the options cannot be meant. `listener` hears of changes with nothing locked;
    // an exception of its is dropped.
    upstream(std::string name, upstream_options options, unsigned workers, verdict_listener listener = {});
    upstream(const upstream&) = delete;
    upstream& operator=(const upstream&) = delete;

    const std::string& name() const noexcept { return name_; }
    unsigned workers() const noexcept { return workers_; }

    // The endpoints, from now on. Refused, and nothing changed, when an id is there twice or a weight is out of
    // range.
    std::expected<void, config_error> assign(const std::vector<endpoint_spec>& endpoints, time_point now);

    // Other options, with the state kept. Refused options change nothing.
    std::expected<void, std::vector<config_error>> reconfigure(const upstream_options& options, time_point now);

    // What an operator decided, until `until`. False when there is no such endpoint, here and below.
    bool set_admin(std::string_view id, admin_state state, time_point now, time_point until = time_point::max());

    // An active check, begun at `began`, has ended.
    bool record_check(std::string_view id, bool pass, time_point began, time_point now);

    // The endpoint's own breaker changed its state; `until` is when an open one is due for a trial.
    bool set_breaker(std::string_view id, circuit_state state, time_point until, time_point now);

    // Lets time do what is due, and says when to come again: time_point::max() when there is nothing to wait for.
    time_point refresh(time_point now);
    time_point next_due() const noexcept { return next_due_.load(std::memory_order_relaxed); }

    std::vector<endpoint_snapshot> snapshot() const;

    // The set in force.
    std::shared_ptr<const endpoint_set> current() const;
    std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

private:
    friend class balancer;

    struct record {
        std::shared_ptr<endpoint> node;
        std::uint32_t weight = 1;
        admin_state admin = admin_state::automatic;
        time_point admin_since{};
        time_point admin_until = time_point::max();
        check_counter check;
        gateway::ejection ejection;
        circuit_state breaker = circuit_state::closed;
        time_point breaker_since{};
        time_point breaker_until{};
        time_point serving_since = time_point::min();
        judgement judged{.traffic = traffic::none, .share = 0};
        endpoint_totals at_interval{};  // when the interval began

        endpoint_condition condition() const noexcept;
    };
    using changes = std::vector<verdict_change>;

    // What the balancers' results lead to.
    void eject_for_failures(endpoint& e, time_point now);
    void trial_ended(endpoint& e, bool success, time_point began, time_point now);

    record* find(std::string_view id) noexcept;
    void let_time_pass(time_point now) noexcept;
    void judge_rates(time_point now) noexcept;
    void eject(record& r, ejection_reason why, double rate, time_point now) noexcept;
    static void show_ejection(record& r) noexcept;
    changes judge_again(time_point now);
    void publish();
    time_point due_after(time_point now) const noexcept;
    void tell(const changes& news) const noexcept;
    template <class F>
    bool change(std::string_view id, time_point now, F&& what);

    const std::string name_;
    const unsigned workers_;
    const verdict_listener listener_;

    mutable std::mutex mutex_;  // guards what follows
    std::shared_ptr<const upstream_options> options_;
    std::vector<record> records_;
    std::unordered_map<std::string_view, std::size_t> by_id_;
    std::deque<record> departed_;  // the latest last
    std::shared_ptr<const hash_tables> hashes_;
    std::uint64_t sequence_ = 0;
    time_point interval_ends_{};
    bool assigned_ = false;
    bool members_changed_ = true;

    mutable std::mutex set_mutex_;  // guards set_ alone, and only for as long as a pointer is copied
    std::shared_ptr<const endpoint_set> set_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<time_point> next_due_{time_point::max()};
};

}  // namespace fusebox::gateway
