// The attempts of one request, as the policies see them: one, and further ones of races.
//
// Thread-safety: none.
#pragma once

#include "exchange/action_queue.hpp"
#include "exchange/lane.hpp"
#include "plan/plan.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace fusebox::gateway {

class lanes {
public:
    // What is to be done for them is said there.
    explicit lanes(action_queue& says) noexcept : says_(says) {}

    // Of a new request. All must live as long as it does.
    void go_by(const route_state& route, std::span<const pipeline_part> policies,
               const detail::walk_state& outer) noexcept {
        route_ = &route;
        policies_ = policies;
        outer_ = &outer;
    }

    lane& first() noexcept { return first_; }
    // Made when it is first asked for.
    lane& at(std::uint32_t number);
    template <class Visit>
    void for_each(Visit visit) {
        visit(first_);
        for (const auto& l : further_) visit(*l);
    }

    // Each of these takes an attempt on through its own policies, and is true when those have refused it.
    bool begin(lane& l, detail::waker& wake, const monotonic_clock& time);
    bool chosen(lane& l, const std::shared_ptr<circuit_breaker>& breaker);
    bool resumes(lane& l, bool by_grant);

    // Its endpoint hears how it ended.
    void settle(lane& l);
    // Gives up what it is at, without a verdict for anybody. `why`: what ended it; hedge_lost or client_gone.
    void cancel(lane& l, incident why, cancel_cause cause, time_point now);
    // All but this one, which has won, or decides.
    void let_go_of_others(const lane& kept, time_point now);
    // Whatever they hold is given back; or what those do that are over.
    void rest();
    void rest_over();

private:
    bool follow(lane& l, const detail::command& c);

    action_queue& says_;
    const route_state* route_ = nullptr;
    std::span<const pipeline_part> policies_;
    const detail::walk_state* outer_ = nullptr;
    lane first_{1};
    std::vector<std::unique_ptr<lane>> further_;  // that there ever were
};

}  // namespace fusebox::gateway
