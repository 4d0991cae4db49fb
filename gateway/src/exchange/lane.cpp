#include "exchange/lane.hpp"

#include <utility>

namespace fusebox::gateway {

void lane::begin(attempt_result& judged, detail::walk_state& clocks, time_point now) noexcept {
    result_ = &judged;
    clocks_ = &clocks;
    began = now;
    at = stage::asking;
}

void lane::begin_by_itself(const outcome_rules& rules, const detail::walk_state& outer, const monotonic_clock& time,
                           detail::waker& wake, time_point now) {
    result_ = &own_result_.emplace(rules);
    own_clocks_ = detail::walk_state{call_context{}, detail::step_time{&time}};
    own_clocks_.context.set_deadline(outer.context.deadline());
    own_clocks_.wake = &wake;
    clocks_ = &own_clocks_;
    began = now;
    walk_over = false;
    at = stage::choosing;
}

detail::command lane::walk_through(std::span<const pipeline_part> parts) {
    return walk_.emplace(parts, 0, parts.size(), *result_, *clocks_).start();
}

detail::command lane::walk_through(std::span<const pipeline_part> row, std::size_t place,
                                   std::shared_ptr<circuit_breaker> breaker) {
    own_row_.assign(row.begin(), row.end());
    own_row_[place] = std::move(breaker);
    return walk_through(own_row_);
}

detail::ending lane::leave(cancel_cause cause) {
    if (!walk_) return result_->judge();
    if (!std::exchange(walk_over, true)) {
        auto c = at == stage::waiting ? walk_->interrupt() : walk_->ended(cause);
        while (c.kind != detail::command::done) c = walk_->interrupt();
    }
    const detail::ending how = walk_->last();
    walk_.reset();
    return how;
}

void lane::forget() noexcept {
    walk_.reset();
    own_row_.clear();  // a policy that is held is never forgotten
    at = stage::idle;
}

const circuit_breaker* lane::breaker_at(std::size_t place) const noexcept {
    if (place >= own_row_.size()) return nullptr;
    return std::get<std::shared_ptr<circuit_breaker>>(own_row_[place]).get();
}

}  // namespace fusebox::gateway
