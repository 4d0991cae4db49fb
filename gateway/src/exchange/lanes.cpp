#include "exchange/lanes.hpp"

namespace fusebox::gateway {

lane& lanes::at(std::uint32_t number) {
    while (further_.size() + 1 < number)
        further_.push_back(std::make_unique<lane>(static_cast<std::uint32_t>(further_.size()) + 2));
    return number <= 1 ? first_ : *further_[number - 2];
}

bool lanes::begin(lane& l, detail::waker& wake, const monotonic_clock& time) {
    l.begin_by_itself(route_->rules, *outer_, time, wake, time.now());
    if (!route_->chooses_first) return follow(l, l.walk_through(policies_.subspan(route_->inner_at)));
    says_.push({.kind = action::choose, .attempt = l.number});
    return false;
}

bool lanes::chosen(lane& l, const std::shared_ptr<circuit_breaker>& breaker) {
    const auto row = policies_.subspan(route_->inner_at);
    return follow(l, l.walk_through(row, route_->breaker_at - route_->inner_at, breaker));
}

bool lanes::resumes(lane& l, bool by_grant) {
    return l.at == lane::stage::waiting && (l.queued || !by_grant) && follow(l, l.resume());
}

bool lanes::follow(lane& l, const detail::command& c) {
    switch (c.kind) {
        case detail::command::invoke:
            l.at = lane::stage::asking;
            says_.push({.kind = action::ask, .attempt = l.number});
            return false;
        case detail::command::sleep:
        case detail::command::queue:
            l.at = lane::stage::waiting;
            l.queued = c.kind == detail::command::queue;
            says_.push({.kind = action::wait, .attempt = l.number, .at = c.until});
            return false;
        case detail::command::done: break;
    }
    l.walk_over = true;
    l.at = lane::stage::over;
    return true;
}

void lanes::settle(lane& l) {
    says_.push({.kind = action::settle, .attempt = l.number, .how = verdict_of(l.result().meaning())});
}

void lanes::cancel(lane& l, incident why, cancel_cause cause, time_point now) {
    l.clocks().context.set_deadline(time_point::max());  // whatever clock has run out, it is not what ended this
    if (l.at == lane::stage::asking || l.at == lane::stage::won) l.result().failed(why, false, now - l.began);
    l.leave(cause);
    l.at = lane::stage::idle;
    says_.push({.kind = why == incident::hedge_lost ? action::lose : action::rest, .attempt = l.number});
}

void lanes::let_go_of_others(const lane& kept, time_point now) {
    for_each([&](lane& l) {
        if (&l == &kept || l.at == lane::stage::idle) return;
        if (l.is_running()) return cancel(l, incident::hedge_lost, cancel_cause::hedge_lost, now);
        l.at = lane::stage::idle;
        says_.push({.kind = action::rest, .attempt = l.number});
    });
}

void lanes::rest() {
    for_each([this](lane& l) {
        if (l.at == lane::stage::idle) return;
        l.at = lane::stage::idle;
        says_.push({.kind = action::rest, .attempt = l.number});
    });
}

void lanes::rest_over() {
    for_each([this](lane& l) {
        if (l.at != lane::stage::over) return;
        l.at = lane::stage::idle;
        says_.push({.kind = action::rest, .attempt = l.number});
    });
}

}  // namespace fusebox::gateway
