#include "endpoints/upstream.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace fusebox::gateway {

namespace {

std::shared_ptr<const upstream_options> checked(const std::string& name, upstream_options options) {
    if (auto wrong = options.validate(); !wrong.empty())
        throw configuration_error("upstream '" + name + "'", std::move(wrong));
    return std::make_shared<const upstream_options>(std::move(options));
}

std::expected<void, config_error> check_specs(const std::vector<endpoint_spec>& endpoints) {
    std::unordered_set<std::string_view> seen;
    for (const auto& e : endpoints) {
        if (e.weight < 1 || e.weight > 1000)
            return std::unexpected(config_error{"weight of endpoint '" + e.id + "'", std::to_string(e.weight),
                                                "must be between 1 and 1000; maintenance takes all traffic away"});
        if (!seen.insert(e.id).second)
            return std::unexpected(config_error{"endpoints", e.id, "is there twice; an id names one endpoint"});
    }
    return {};
}

std::shared_ptr<const hash_tables> make_hashes(const std::vector<set_member>& members, const balancing_options& o) {
    std::vector<hashed_endpoint> hashed;
    for (const auto& m : members) hashed.push_back({m.node->id(), m.weight});
    if (o.algorithm == balancing::ring_hash)
        return std::make_shared<const hash_tables>(hash_tables{hash_ring(hashed), {}});
    if (o.algorithm == balancing::maglev)
        return std::make_shared<const hash_tables>(hash_tables{{}, maglev(hashed, o.maglev_size)});
    return {};
}

}  // namespace

upstream::upstream(std::string name, upstream_options options, unsigned workers, verdict_listener listener)
    : name_(std::move(name)),
      workers_(workers),
      listener_(std::move(listener)),
      options_(checked(name_, std::move(options))) {
    publish();
}

std::expected<void, config_error> upstream::assign(const std::vector<endpoint_spec>& endpoints, time_point now) {
    if (auto fit = check_specs(endpoints); !fit) return fit;
    changes news;
    {
        const std::scoped_lock hold(mutex_);
        std::vector<record> next;
        next.reserve(endpoints.size());
        for (const auto& spec : endpoints) {
            record* known = find(spec.id);
            const auto left = std::ranges::find_if(departed_, [&](const record& d) {
                return d.node->id() == spec.id && d.node->address() == spec.address;
            });
            if (known != nullptr && known->node->address() == spec.address) {
                next.push_back(std::move(*known));
            } else if (left != departed_.end()) {
                next.push_back(std::move(*left));
                departed_.erase(left);
                next.back().judged = {.traffic = traffic::none, .share = 0};
            } else {
                record& fresh = next.emplace_back();
                fresh.node = std::make_shared<endpoint>(spec.id, spec.address, workers_);
                fresh.check = check_counter(options_->check.enabled, now);
            }
            next.back().weight = spec.weight;
        }
        for (auto& r : records_)
            if (r.node != nullptr) departed_.push_back(std::move(r));
        while (departed_.size() > options_->remembered) departed_.pop_front();
        records_ = std::move(next);
        by_id_.clear();
        for (std::size_t i = 0; i < records_.size(); ++i) by_id_.emplace(records_[i].node->id(), i);
        members_changed_ = true;
        news = judge_again(now);
        assigned_ = true;
    }
    tell(news);
    return {};
}

std::expected<void, std::vector<config_error>> upstream::reconfigure(const upstream_options& options, time_point now) {
    if (auto wrong = options.validate(); !wrong.empty()) return std::unexpected(std::move(wrong));
    changes news;
    {
        const std::scoped_lock hold(mutex_);
        if (options == *options_) return {};
        const bool checks_change = options.check.enabled != options_->check.enabled;
        options_ = std::make_shared<const upstream_options>(options);
        if (checks_change)
            for (auto& r : records_) r.check = check_counter(options.check.enabled, now);
        members_changed_ = true;
        news = judge_again(now);
    }
    tell(news);
    return {};
}

template <class F>
bool upstream::change(std::string_view id, time_point now, F&& what) {
    changes news;
    {
        const std::scoped_lock hold(mutex_);
        record* r = find(id);
        if (r == nullptr) return false;
        if (!what(*r)) return true;
        news = judge_again(now);
    }
    tell(news);
    return true;
}

bool upstream::set_admin(std::string_view id, admin_state state, time_point now, time_point until) {
    return change(id, now, [&](record& r) {
        if (r.admin != state) r.admin_since = now;
        r.admin = state;
        r.admin_until = until;
        return true;
    });
}

bool upstream::record_check(std::string_view id, bool pass, time_point began, time_point now) {
    return change(id, now, [&](record& r) {
        const time_point ejected_until = r.ejection.until();
        r.ejection.checked(pass, began, options_->check.healthy_threshold, now);
        show_ejection(r);
        return r.check.record(pass, options_->check, now) || r.ejection.until() != ejected_until;
    });
}

bool upstream::set_breaker(std::string_view id, circuit_state state, time_point until, time_point now) {
    return change(id, now, [&](record& r) {
        if (r.breaker != state) r.breaker_since = now;
        r.breaker = state;
        r.breaker_until = until;
        return true;
    });
}

void upstream::eject_for_failures(endpoint& e, time_point now) {
    change(e.id(), now, [&](record& r) {
        if (r.node.get() != &e || r.ejection.active()) return false;
        const endpoint_totals all = e.totals();
        const double failures = double(all.failures - r.at_interval.failures);
        const double calls = failures + double(all.successes - r.at_interval.successes);
        eject(r, ejection_reason::consecutive_failures, calls > 0 ? failures / calls : 1, now);
        return true;
    });
}

void upstream::trial_ended(endpoint& e, bool success, time_point began, time_point now) {
    change(e.id(), now, [&](record& r) {
        // A call from before the ejection says nothing of what came after.
        if (r.node.get() != &e || !r.ejection.trial_due(now) || began < r.ejection.since()) return false;
        r.ejection.trial_ended(success, r.ejection.number(), options_->ejection, now);
        e.succeeded();  // what went before is paid for
        show_ejection(r);
        return true;
    });
}

time_point upstream::refresh(time_point now) {
    changes news;
    time_point due;
    {
        const std::scoped_lock hold(mutex_);
        let_time_pass(now);
        news = judge_again(now);
        due = next_due();
    }
    tell(news);
    return due;
}

std::shared_ptr<const endpoint_set> upstream::current() const {
    const std::scoped_lock hold(set_mutex_);
    return set_;
}

upstream::record* upstream::find(std::string_view id) noexcept {
    const auto known = by_id_.find(id);
    return known == by_id_.end() ? nullptr : &records_[known->second];
}

// Builds the set that the verdicts make, and lets the workers know.
void upstream::publish() {
    std::vector<set_member> members;
    members.reserve(records_.size());
    for (const auto& r : records_) members.push_back({r.node, r.judged.traffic, r.weight, r.judged.share});
    if (std::exchange(members_changed_, false)) hashes_ = make_hashes(members, options_->balance);
    const std::uint64_t next = generation_.load(std::memory_order_relaxed) + 1;
    auto made = std::make_shared<const endpoint_set>(std::move(members), options_, hashes_, next);
    {
        const std::scoped_lock hold(set_mutex_);
        set_.swap(made);
    }
    generation_.store(next, std::memory_order_release);
}

void upstream::tell(const changes& news) const noexcept {
    if (!listener_) return;
    for (const auto& n : news) {
        try {
            listener_(n);
        } catch (...) {  // a listener's trouble is not the traffic's
        }
    }
}

std::vector<endpoint_snapshot> upstream::snapshot() const {
    const std::scoped_lock hold(mutex_);
    std::vector<endpoint_snapshot> all;
    for (const auto& r : records_)
        all.push_back({.id = r.node->id(),
                       .address = r.node->address(),
                       .weight = r.weight,
                       .now = r.judged,
                       .condition = r.condition(),
                       .ejected_for = r.ejection.reason(),
                       .totals = r.node->totals()});
    return all;
}

}  // namespace fusebox::gateway
