// The race that a hedge makes: when further attempts are sent, and what becomes of those that lose it.
#include "exchange/proxied_exchange.hpp"
#include "messages/forwarded_head.hpp"

#include "messages/refusal.hpp"

namespace fusebox::gateway {

// From when all of the request is here: until then the client's slowness would be taken for the origin's.
void proxied_exchange::begin_race() {
    if (race_ || replaced_ || !body_kept_ || client_->request().upgrade() || !is_idempotent()) return;
    const auto& retry = route_->configured.retry;
    const bool counted = retry && retry->budget;  // by the retry around it, in the same budget
    race_.emplace(route_->hedged->begin(now(), counted ? route_->hedged->budget().get() : nullptr));
    if (const auto at = race_->next_launch()) arm(*at);
}

// Whether further attempts may still begin. What the client has seen of a response is of one origin.
bool proxied_exchange::may_launch() const noexcept {
    return !interim_sent_ && now() < state_.context.deadline();
}

void proxied_exchange::launch_by_clock() {
    bool is_trial = false;  // whose verdict the breaker, or the endpoint, waits for
    for_each_attempt([&](const attempt& a) { is_trial = is_trial || (a.is_running() && a.is_trial()); });
    if (may_launch() && !is_trial) launch();
}

void proxied_exchange::launch() {
    const auto number = race_->launch(now());
    if (!number) return;  // the budget is empty
    if (const auto at = race_->next_launch()) arm(*at);
    else timer_.disarm();
    attempt& further = attempt_number(*number);
    last_ = &further;
    further.begin(state_);
}

attempt& proxied_exchange::attempt_number(std::uint32_t n) {
    if (n == 1) return first_;
    while (further_.size() < n - 1) {
        const auto next = static_cast<std::uint32_t>(further_.size()) + 2;
        further_.push_back(std::make_unique<attempt>(*this, thread_, next));
    }
    return *further_[n - 2];
}

// An attempt has failed: the one that decides, or null when the race goes on.
attempt* proxied_exchange::heard_in_race(attempt& a, const detail::ending& how) {
    if (!race_) return &a;
    // It was refused in here, and never made; or another would be of no use.
    const bool unmade = how.refused || (a.result().what() && how.how.outcome == verdict::ignored);
    const auto next = race_->ended(a.number(), how.how, unmade || !may_launch(), now());
    if (next.action == hedge_action::finished || next.action == hedge_action::failed) {
        race_.reset();
        timer_.disarm();
        attempt& decides = attempt_number(next.attempt);
        let_go_of_others(decides);
        return &decides;
    }
    if (!race_->next_launch()) timer_.disarm();
    if (!a.holds_answer()) a.rest();
    if (next.action == hedge_action::launch_now) launch();
    return nullptr;
}

// The first success wins.
void proxied_exchange::end_race(attempt& winner) {
    (void)race_->ended(winner.number(), winner.result().judge().how, false, now());
    race_.reset();
    timer_.disarm();
    let_go_of_others(winner);
}

void proxied_exchange::let_go_of_others(const attempt& kept) {
    for_each_attempt([&](attempt& a) {
        if (&a == &kept) return;
        if (!a.is_running()) return a.rest();
        count(incident::hedge_lost);
        a.cancel(incident::hedge_lost, cancel_cause::hedge_lost);
    });
}

// Says in the response that there was a race, and who has won it.
std::string proxied_exchange::note_race() {
    if (raced_ == 1) return {};
    const std::string details =
        "attempt " + std::to_string(last_->number()) + " of " + std::to_string(raced_) + " answered";
    std::string line = "Proxy-Status: ";
    proxy_status{.proxy = thread_.pseudonym(), .error = {}, .details = details}.append_to(line);
    return line += "\r\n";
}

}  // namespace fusebox::gateway
