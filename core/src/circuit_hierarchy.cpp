#include <fusebox/circuit_hierarchy.hpp>

#include "option_checker.hpp"

#include <fusebox/detail/threshold.hpp>

#include <algorithm>

namespace fusebox {

namespace {

constexpr std::uint32_t most_weight = 1'000'000;

void count(children_tally& t, bool is_open, std::uint32_t weight) noexcept {
    t.weight += weight;
    if (!is_open) return;
    ++t.open;
    t.weight_open += weight;
}

bool fires(const open_children& rule, const children_tally& t) noexcept {
    return t.open >= rule.at_least;
}
bool fires(const open_weight& rule, const children_tally& t) noexcept {
    return t.weight_open >= detail::calls_required(rule.share, t.weight);
}

}  // namespace

std::vector<config_error> circuit_node_options::validate() const {
    detail::option_checker c;
    if (const auto* counted = std::get_if<open_children>(&opens_on))
        c.count("opens_on.at_least", counted->at_least, most_weight);
    else c.share("opens_on.share", std::get<open_weight>(opens_on).share);
    c.count("weight", weight, most_weight);
    return c.take();
}

children_tally circuit_node_snapshot::tally() const noexcept {
    children_tally t;
    for (const auto& child : children) count(t, child.circuit.state == circuit_state::open, child.weight);
    return t;
}

// -- Family ------------------------------------------------------------------------------------------

circuit_node::circuit_node(std::shared_ptr<circuit_breaker> breaker, circuit_node_options options,
                           std::shared_ptr<circuit_node> parent)
    : breaker_(std::move(breaker)), options_(options), parent_(std::move(parent)) {
    auto errors = options_.validate();
    if (!breaker_) errors.push_back({"breaker", "null", "must be a circuit breaker"});
    if (!errors.empty())
        throw configuration_error("circuit node" + (breaker_ ? " '" + name() + "'" : std::string{}), std::move(errors));
    if (!parent_) return;
    ancestors_ = parent_->ancestors_;
    ancestors_.push_back({parent_.get(), circuit_label{parent_->name()}});
    // At once: a listener of the child that takes its time must not hold up what the parent's calls are spared by.
    openings_ = breaker_->at_opening([above = parent_] { above->judge_children(); });
    const std::scoped_lock hold(parent_->mutex_);
    parent_->children_.push_back(this);
}

circuit_node::~circuit_node() {
    if (!parent_) return;
    const std::scoped_lock hold(parent_->mutex_);
    std::erase(parent_->children_, this);
}

void circuit_node::judge_children() {
    children_tally t;
    {
        const std::scoped_lock hold(mutex_);
        for (const circuit_node* child : children_)
            count(t, child->breaker_->state() == circuit_state::open, child->options_.weight);
    }
    if (std::visit([&](const auto& rule) { return fires(rule, t); }, options_.opens_on))
        breaker_->trip(trip_rule::children);
}

circuit_node_snapshot circuit_node::snapshot() const {
    circuit_node_snapshot s{breaker_->snapshot(), options_.weight};
    const std::scoped_lock hold(mutex_);
    for (const circuit_node* child : children_) s.children.push_back(child->snapshot());
    return s;
}

// -- Calls -------------------------------------------------------------------------------------------

// True while the calls of circuits below are none of this circuit's business.
bool circuit_node::lets_pass() const {
    switch (breaker_->state()) {
        case circuit_state::closed:
        case circuit_state::disabled: return true;
        case circuit_state::metrics_only: return breaker_->snapshot().virtual_state == circuit_state::closed;
        default: return false;
    }
}

std::expected<circuit_node::permit, rejection> circuit_node::acquire(const time_point* lent) {
    const auto passes = [](const ancestor& a) { return a.node->lets_pass(); };
    if (!std::all_of(ancestors_.begin(), ancestors_.end(), passes)) [[unlikely]]
        return acquire_as_trial(lent);
    auto own = ask(lent);
    if (!own) return std::unexpected(own.error());
    return permit{std::move(*own), {}};
}

// Looks first at who is sure to refuse: a call that cannot be made must take no trial's place above, or
// the many calls to an open child would keep its siblings from trying.
std::expected<circuit_node::permit, rejection> circuit_node::acquire_as_trial(const time_point* lent) {
    const auto refusal = [](const ancestor& a, const rejection& r) {
        return std::unexpected(rejection{errc::parent_open, r.retry_after, a.label});
    };
    for (const ancestor& a : ancestors_)
        if (a.node->is_shut(lent))
            if (const auto answer = a.node->ask(lent); !answer) return refusal(a, answer.error());
    if (is_shut(lent))
        if (const auto answer = ask(lent); !answer) return std::unexpected(answer.error());

    trial_places above;
    for (const ancestor& a : ancestors_) {
        if (a.node->lets_pass()) continue;
        auto answer = a.node->ask(lent);
        if (!answer) return refusal(a, answer.error());
        if (answer->is_trial()) above.push_back(std::move(*answer));
    }
    auto own = ask(lent);
    if (!own) return std::unexpected(own.error());
    return permit{std::move(*own), std::move(above)};
}

}  // namespace fusebox
