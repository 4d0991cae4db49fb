// Circuit breakers above circuit breakers: when enough of the circuits below open, the one above opens too,
// and spares all of them their calls.
//
//   auto backend = std::make_shared<fusebox::circuit_node>(breakers.get("backend"));
//   fusebox::circuit_node users{breakers.get("users"), {}, backend};
//   fusebox::circuit_node orders{breakers.get("orders"), {.weight = 2}, backend};
//   auto user = users.call([&] { return fetch_user(id); });   // rejected with parent_open while `backend` is open
//
// A call is its own circuit's: a closed circuit above lets it pass and counts nothing of it. While a
// circuit above is half-open, a call has to be its trial as well: it takes a trial's place in each
// half-open circuit from the root down, then its own circuit's permit, and its one verdict settles them
// all. If any of them refuses, the places taken are given back, and the operation is not called. The
// rules are in docs/hierarchy.md.
//
// Thread-safety: every member may be called from any thread. Nothing is held while a protected call or a
// listener runs. While all circuits above are closed, a call reads one word of each, and writes none.
#pragma once

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/composition.hpp>
#include <fusebox/policy.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

namespace fusebox {

// Opens the parent when so many children are open at the same time; 1 means any of them.
struct open_children {
    std::uint32_t at_least = 1;  // 1 to 1 000 000

    friend bool operator==(const open_children&, const open_children&) = default;
};

// Opens the parent when the open children have this share of the weight of all children.
struct open_weight {
    double share = 0.5;  // in (0, 1]

    friend bool operator==(const open_weight&, const open_weight&) = default;
};

using children_rule = std::variant<open_weight, open_children>;

struct circuit_node_options {
    children_rule opens_on = open_weight{};  // what its children must do to open it; without children, nothing
    std::uint32_t weight = 1;                // as a child, in its parent's open_weight; 1 to 1 000 000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const circuit_node_options&, const circuit_node_options&) = default;
};

// What the rule judges. Open is the state `open`: a child that an operator has forced open, or that is being
// tried again, is not.
struct children_tally {
    std::uint32_t open = 0;
    std::uint64_t weight_open = 0;
    std::uint64_t weight = 0;  // of all children

    friend bool operator==(const children_tally&, const children_tally&) = default;
};

// A circuit and those below it at one moment. Each circuit is consistent in itself, the tree need not be.
struct circuit_node_snapshot {
    circuit_snapshot circuit{};
    std::uint32_t weight = 1;
    std::vector<circuit_node_snapshot> children{};  // in the order in which they were added

    children_tally tally() const noexcept;
};

class circuit_node {
    using trial_places = std::vector<circuit_breaker::permit>;

public:
    // As circuit_breaker::permit, for the call's own circuit and for all those above whose trial it is:
    // settled, they hear the same; destroyed unsettled, all are abandoned. Must not outlive its node.
    class [[nodiscard]] permit {
    public:
        void settle(const report& how) {
            for_all([&](auto& p) { p.settle(how); });
        }
        void settle(const report& how, time_point now) {
            for_all([&](auto& p) { p.settle(how, now); });
        }
        void abandon() noexcept {
            for_all([](auto& p) { p.abandon(); });
        }

        // Of how many circuits this call is a trial, its own included.
        std::size_t trials() const noexcept { return above_.size() + (own_.is_trial() ? 1 : 0); }

    private:
        friend circuit_node;
        permit(circuit_breaker::permit own, trial_places above) noexcept
            : own_(std::move(own)), above_(std::move(above)) {}

        // From the call's own circuit up to the root.
        template <class Do>
        void for_all(Do act) {
            act(own_);
            for (auto p = above_.rbegin(); p != above_.rend(); ++p) act(*p);
        }

        circuit_breaker::permit own_;
        trial_places above_;  // root first; empty unless a circuit above is half-open
    };

    // Puts `breaker` below `parent`; without one it is a root. It remains an ordinary breaker, whose rules
    // judge the calls that are made through this very node. A breaker belongs to one node. Throws configuration_error
    // when the options cannot be meant, or `breaker` is null.
    explicit circuit_node(std::shared_ptr<circuit_breaker> breaker, circuit_node_options options = {},
                          std::shared_ptr<circuit_node> parent = nullptr);

    // Leaves the parent, which goes on with the children that it has left; that alone opens nothing.
    ~circuit_node();
    circuit_node(const circuit_node&) = delete;
    circuit_node& operator=(const circuit_node&) = delete;

    const std::string& name() const noexcept { return breaker_->name(); }
    const std::shared_ptr<circuit_breaker>& breaker() const noexcept { return breaker_; }
    const std::shared_ptr<circuit_node>& parent() const noexcept { return parent_; }

    // As circuit_breaker::call. Refused with parent_open by a circuit above, with circuit_open by its own.
    template <class F, class Classifier = default_classifier>
        requires classifier_of<Classifier, std::invoke_result_t<F&>>
    auto call(F&& operation, Classifier classify = {}) -> detail::call_result_t<std::invoke_result_t<F&>> {
        auto held = try_acquire();
        if (!held) [[unlikely]]
            return std::unexpected(held.error());
        return detail::run_under(*held, operation, classify);
    }

    std::expected<permit, rejection> try_acquire() { return acquire(nullptr); }
    // As above, with the present as the caller already knows it.
    std::expected<permit, rejection> enter(time_point now) { return acquire(&now); }

    circuit_node_snapshot snapshot() const;

private:
    struct ancestor {
        circuit_node* node;
        circuit_label label;
    };

    std::expected<permit, rejection> acquire(const time_point* lent);
    std::expected<permit, rejection> acquire_as_trial(const time_point* lent);
    std::expected<circuit_breaker::permit, rejection> ask(const time_point* lent) {
        return lent ? breaker_->try_acquire(*lent) : breaker_->try_acquire();
    }
    bool is_shut(const time_point* lent) const { return lent ? breaker_->is_shut(*lent) : breaker_->is_shut(); }
    bool lets_pass() const;
    void judge_children();

    const std::shared_ptr<circuit_breaker> breaker_;
    const circuit_node_options options_;
    const std::shared_ptr<circuit_node> parent_;  // keeps all ancestors alive
    std::vector<ancestor> ancestors_;             // root first
    mutable std::mutex mutex_;
    std::vector<const circuit_node*> children_;  // behind the mutex; each takes itself out before it dies
    subscription openings_;                      // last: ends before what it speaks of
};

static_assert(immediate_guard<circuit_node>);

template <>
inline constexpr policy_kind composition::kind_of<circuit_node> = policy_kind::breaker;

}  // namespace fusebox
