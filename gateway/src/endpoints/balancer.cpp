#include "endpoints/balancer.hpp"

#include "text/stable_hash.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fusebox::gateway {

namespace {

bool was_tried(const pick_request& request, const endpoint& e) noexcept {
    return std::ranges::find(request.tried, &e) != request.tried.end();
}

// How often an old observation still counts.
double fading(duration since, duration decay) noexcept {
    return std::exp(-double(std::max(since, duration{0}).count()) / double(decay.count()));
}

}  // namespace

balancer::balancer(upstream& of, unsigned worker, std::uint64_t seed)
    : upstream_(of), worker_(worker), random_(seed), turn_(random_.next() >> 1), set_(of.current()) {}

// Takes the newest set, and keeps those endpoints alive that only the old one still knew.
void balancer::renew() {
    const std::shared_ptr<const endpoint_set> old = std::exchange(set_, upstream_.current());
    for (const auto& m : old->members())
        if (m.node->busy(worker_)) kept_.push_back(m.node);
    std::erase_if(kept_, [&](const auto& e) { return !e->busy(worker_); });
    std::ranges::sort(kept_);
    kept_.erase(std::unique(kept_.begin(), kept_.end()), kept_.end());
}

std::optional<balancer::lease> balancer::pick(const pick_request& request, time_point now) {
    const endpoint_set& s = set();
    if (!request.bound_to.empty()) {
        const set_member* bound = s.find(request.bound_to);
        if (bound != nullptr && (bound->traffic == traffic::existing || bound->traffic == traffic::full) &&
            !was_tried(request, *bound->node))
            return begin(*bound->node, now, 0);
    }
    if (!s.trials().empty() && request.may_be_trial) [[unlikely]]
        if (auto trial = pick_trial(request, now)) return trial;
    if (s.full().empty()) return std::nullopt;
    return begin(*s[choose(request, now)].node, now, 0);
}

std::optional<balancer::lease> balancer::pick_trial(const pick_request& request, time_point now) {
    const auto& trials = set_->trials();
    const time_point lease_ends = saturating_add(now, set_->options().ejection.trial_lease);
    const std::uint32_t from = below(random_.next(), static_cast<std::uint32_t>(trials.size()));
    for (std::size_t i = 0; i < trials.size(); ++i) {
        endpoint& e = *(*set_)[trials[(from + i) % trials.size()]].node;
        if (was_tried(request, e)) continue;
        if (const std::uint64_t token = e.claim_trial(lease_ends)) return begin(e, now, token);
    }
    return std::nullopt;
}

std::uint32_t balancer::choose(const pick_request& request, time_point now) {
    if (set_->algorithm() == balancing::ring_hash) return choose_by_hash(set_->hashes().ring, request);
    if (set_->algorithm() == balancing::maglev) return choose_by_hash(set_->hashes().table, request);
    std::uint32_t chosen = choose_once(0, now);
    for (unsigned i = 1; i <= redraws; ++i) {
        if (request.tried.empty() || !was_tried(request, *(*set_)[chosen].node)) return chosen;
        chosen = choose_once(i, now);
    }
    return first_untried(request, chosen);
}

std::uint32_t balancer::choose_once(unsigned redraw, time_point now) {
    switch (set_->algorithm()) {
        case balancing::round_robin: {
            const weighted_schedule& order = set_->schedule();
            return set_->full()[order.at(static_cast<std::uint32_t>(turn_++ % order.length()))];
        }
        case balancing::least_request:
        case balancing::peak_ewma:
            // The better of two may be the tried one each time; a plain draw is not so drawn to it.
            return redraw == 0 ? choose_of_two(now) : set_->draw(random_.next());
        default: return set_->draw(random_.next());
    }
}

std::uint32_t balancer::choose_of_two(time_point now) {
    const std::uint32_t a = set_->draw(random_.next());
    std::uint32_t b = set_->draw(random_.next());
    const auto& full = set_->full();
    if (a == b) {
        if (full.size() == 1) return a;
        b = full[below(random_.next(), static_cast<std::uint32_t>(full.size()))];
        if (a == b) return a;
    }
    const set_member &first = (*set_)[a], &second = (*set_)[b];
    if (set_->algorithm() == balancing::peak_ewma)
        return latency_load(*second.node, now) < latency_load(*first.node, now) ? b : a;
    const auto active = [](const set_member& m) { return double(m.node->active_.load(std::memory_order_relaxed)); };
    return active(second) * first.effective_weight() < active(first) * second.effective_weight() ? b : a;
}

// The owner of the key, or the next on its way that has full traffic, is wanted, and was not tried.
template <class Table>
std::uint32_t balancer::choose_by_hash(const Table& table, const pick_request& request) noexcept {
    // Enough steps to pass nearly always when one endpoint in ten is left; then the search is plain.
    constexpr unsigned steps = 64;
    std::uint64_t hash = request.hash;
    std::uint32_t place = table.place(hash);
    for (unsigned step = 0; step < steps; ++step) {
        const std::uint32_t i = table.endpoint(place);
        const set_member& m = (*set_)[i];
        if (m.traffic == traffic::full && !was_tried(request, *m.node)) {
            if (m.share >= 1) return i;
            const double turn = double(mix(request.hash ^ stable_hash(m.node->id())) >> 11) * 0x1p-53;
            if (turn < m.share) return i;
        }
        hash = mix(hash + step + 1);
        if constexpr (requires { table.after(place); }) place = table.after(place);
        else place = table.place(hash);
    }
    const auto& full = set_->full();
    return first_untried(request, full[below(mix(request.hash), static_cast<std::uint32_t>(full.size()))]);
}

// Some endpoint that was not tried, looking from a random place on; if there is none, `otherwise`.
std::uint32_t balancer::first_untried(const pick_request& request, std::uint32_t otherwise) const noexcept {
    const auto& full = set_->full();
    const std::size_t from = mix(otherwise + request.hash) % full.size();
    for (std::size_t i = 0; i < full.size(); ++i) {
        const std::uint32_t candidate = full[(from + i) % full.size()];
        if (!was_tried(request, *(*set_)[candidate].node)) return candidate;
    }
    return otherwise;
}

double balancer::latency_load(endpoint& e, time_point now) const noexcept {
    const endpoint::cell& c = e.cells_[worker_];
    const double active = double(e.active_.load(std::memory_order_relaxed));
    if (c.latency == 0) return active == 0 ? 0 : std::numeric_limits<double>::max();  // unknown: one call finds out
    return c.latency * fading(now - c.observed, set_->options().balance.ewma_decay) * (active + 1);
}

void balancer::observe(endpoint& e, bool success, time_point began, time_point now) noexcept {
    endpoint::cell& c = e.cells_[worker_];
    const double latency = double(std::max(now - began, duration{1}).count());
    const double old = fading(now - c.observed, set_->options().balance.ewma_decay);
    if (latency >= c.latency * old) c.latency = latency;
    else if (success) c.latency = c.latency * old + latency * (1 - old);
    else return;
    c.observed = now;
}

balancer::lease balancer::begin(endpoint& e, time_point now, std::uint64_t trial) noexcept {
    const bool counted = set_->counts_active();
    e.begin(worker_, counted);
    return {*this, e, now, trial, counted};
}

void balancer::settle(lease& l, verdict how, time_point now) {
    endpoint& e = *l.target_;
    if (how != verdict::ignored && set_->algorithm() == balancing::peak_ewma)
        observe(e, how == verdict::success, l.began_, now);
    if (l.trial_ != 0) end_trial(l, how, now);
    else if (how != verdict::ignored) judge(e, how == verdict::success, l.began_, now);
    e.end(worker_, l.counted_, how);  // last: until then the endpoint is kept
}

// What a call that was no trial says of the endpoint.
void balancer::judge(endpoint& e, bool success, time_point began, time_point now) {
    const auto& limit = set_->options().ejection.consecutive_failures;
    if (now >= e.retrial_at_.load(std::memory_order_relaxed)) upstream_.trial_ended(e, success, began, now);
    else if (success) e.succeeded();
    else if (limit && e.failed_in_a_row(*limit)) upstream_.eject_for_failures(e, now);
}

void balancer::end_trial(lease& l, verdict how, time_point now) {
    const bool in_time = l.target_->return_trial(std::exchange(l.trial_, 0));
    if (in_time && how != verdict::ignored) upstream_.trial_ended(*l.target_, how == verdict::success, l.began_, now);
}

void balancer::drop(const lease& l) noexcept {
    if (l.trial_ != 0) l.target_->return_trial(l.trial_);
    l.target_->end(worker_, l.counted_, verdict::ignored);
}

}  // namespace fusebox::gateway
