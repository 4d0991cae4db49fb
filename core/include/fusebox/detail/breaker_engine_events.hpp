// How breaker_engine.hpp tells its events; included where the template is instantiated.
#pragma once

#include <fusebox/detail/breaker_engine.hpp>

#include <algorithm>

namespace fusebox::detail {

// One thread delivers at a time, in order, holding nothing; what happens meanwhile (by other threads, or
// by the listeners themselves) is left to it. So that no caller delivers for ever what others make, one of those
// takes its place after most_in_a_row events, and waits for the listener that runs to return. A thread that is in
// a delivery already, here or at another breaker, never waits: two of them could wait for each other.

// Behind the lock: whether the calling thread is to deliver what is queued.
template <class Platform>
bool breaker_engine<Platform>::takes_delivery() {
    unsigned& mine = Platform::deliveries();
    if (deliverer_ == nullptr) {
        deliverer_ = &mine;
        delivered_in_a_row_ = 0;
        return true;
    }
    if (mine != 0 || successor_ || delivered_in_a_row_ < most_in_a_row) return false;
    successor_ = true;
    return true;
}

template <class Platform>
void breaker_engine<Platform>::wait_for_delivery() {
    unsigned* const mine = &Platform::deliveries();
    for (unsigned rounds = 0;; Platform::relax(rounds++)) {
        const std::scoped_lock hold(lock_);
        if (deliverer_ == mine) return;
        if (deliverer_ != nullptr) continue;
        deliverer_ = mine;
        delivered_in_a_row_ = 0;
        successor_ = false;
        return;
    }
}

template <class Platform>
void breaker_engine<Platform>::deliver() {
    unsigned& inside = Platform::deliveries();
    ++inside;
    circuit_event e;
    for (std::uint64_t newest = 0; next_event(e, newest);) call_each(e, newest);
    --inside;
}

// The next event, and the newest listener that hears of it; false when there is none, or another thread takes over.
template <class Platform>
bool breaker_engine<Platform>::next_event(circuit_event& e, std::uint64_t& newest) {
    const std::scoped_lock hold(lock_);
    if (!machine_.has_events() || successor_) {
        deliverer_ = nullptr;
        return false;
    }
    ++delivered_in_a_row_;
    e = machine_.take_event();
    e.circuit = name_;
    newest = last_listener_;
    return true;
}

// Looks up each listener just before its call, since those before it may have ended its subscription, and gives it
// back before the next: whoever waits in unsubscribe() may then destroy what it uses.
template <class Platform>
void breaker_engine<Platform>::call_each(const circuit_event& e, std::uint64_t newest) {
    const auto hears = [&](const listener_entry& l, std::uint64_t after) {
        return l.id > after && l.id <= newest && l.when == turn::in_order &&
               (l.kinds & static_cast<event_mask>(e.kind)) != 0;
    };
    bool threw = false;
    for (std::uint64_t last = 0;;) {
        std::shared_ptr<const circuit_listener> call;
        {
            const std::scoped_lock hold(lock_);
            if (std::exchange(threw, false)) ++machine_.totals().listener_errors;
            running_listener_ = 0;
            if (!listeners_) return;
            const auto next =
                std::ranges::find_if(*listeners_, [&](const listener_entry& l) { return hears(l, last); });
            if (next == listeners_->end()) return;
            running_listener_ = last = next->id;
            call = next->call;
        }
        try {
            (*call)(e);
        } catch (...) {
            threw = true;
        }
    }
}

template <class Platform>
void breaker_engine<Platform>::tell_opening(const listener_list& listeners) {
    unsigned& inside = Platform::deliveries();
    ++inside;
    std::uint64_t errors = 0;
    for (const listener_entry& l : listeners) {
        if (l.when != turn::at_once) continue;
        try {
            (*l.call)({.kind = event_kind::circuit_opened, .circuit = name_, .to = circuit_state::open});
        } catch (...) {
            ++errors;
        }
    }
    --inside;
    if (errors == 0) return;
    const std::scoped_lock hold(lock_);
    machine_.totals().listener_errors += errors;
}

template <class Platform>
std::uint64_t breaker_engine<Platform>::subscribe(event_mask kinds, circuit_listener listener, turn when) {
    auto call = std::make_shared<const circuit_listener>(std::move(listener));
    std::shared_ptr<const listener_list> old;
    const std::scoped_lock hold(lock_);
    auto next = listeners_ ? std::make_shared<listener_list>(*listeners_) : std::make_shared<listener_list>();
    next->push_back({++last_listener_, kinds, when, std::move(call)});
    old = listeners_;
    replace_listeners(std::move(next));
    return last_listener_;
}

template <class Platform>
void breaker_engine<Platform>::unsubscribe(std::uint64_t id) {
    std::shared_ptr<const listener_list> old;  // dies after the lock is released: it may hold user code
    {
        const std::scoped_lock hold(lock_);
        if (!listeners_) return;
        auto next = std::make_shared<listener_list>(*listeners_);
        std::erase_if(*next, [&](const listener_entry& l) { return l.id == id; });
        old = listeners_;
        replace_listeners(std::move(next));
    }
    for (unsigned rounds = 0;; Platform::relax(rounds++)) {
        const std::scoped_lock hold(lock_);
        if (running_listener_ != id || deliverer_ == &Platform::deliveries()) return;
    }
}

template <class Platform>
void breaker_engine<Platform>::replace_listeners(std::shared_ptr<const listener_list> next) {
    event_mask wanted = 0;
    for (const listener_entry& l : *next)
        if (l.when == turn::in_order) wanted |= l.kinds;
    machine_.listen(wanted);
    listeners_ = std::move(next);
    publish();
}

}  // namespace fusebox::detail
