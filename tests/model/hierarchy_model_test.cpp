// Random trees of circuits, random calls through them: what must hold after every step, whatever the tree.
// RC_PARAMS (max_success, max_size, seed, reproduce) makes the search longer or repeats one.
#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

struct node_plan {
    unsigned parent;  // of the nodes before it; the first has none
    std::uint32_t weight;
    std::optional<std::uint32_t> count;  // open_children, or
    unsigned percent;                    // open_weight
    duration open_for;
    std::uint32_t trials;
};
std::ostream& operator<<(std::ostream& out, const node_plan& p) {
    return out << "{below " << p.parent << ", weight " << p.weight << ", " << (p.count ? "count " : "percent ")
               << (p.count ? *p.count : p.percent) << ", wait " << p.open_for / 1s << "s, trials " << p.trials << "}";
}

enum class act { acquire, succeed, fail, ignore, drop, call_failing, advance, force_open, reset, destroy, grow, last };
struct command {
    act what;
    unsigned which;
};
std::ostream& operator<<(std::ostream& out, const command& c) {
    static constexpr const char* names[] = {"acquire", "succeed",    "fail",  "ignore",  "drop", "call_failing",
                                            "advance", "force_open", "reset", "destroy", "grow"};
    return out << names[static_cast<unsigned>(c.what)] << ' ' << c.which;
}

}  // namespace

namespace rc {

// From the whole range always: inRange alone grows with the size of the test.
template <class T>
Gen<T> between(T least, T limit) {
    return gen::resize(kNominalSize, gen::inRange(least, limit));
}

template <>
struct Arbitrary<node_plan> {
    static Gen<node_plan> arbitrary() {
        return gen::exec([] {
            node_plan p;
            p.parent = *between(0u, 100u);
            p.weight = *between(1u, 5u);
            if (*gen::arbitrary<bool>()) p.count = *between(1u, 4u);
            p.percent = *gen::element(25u, 50u, 60u, 100u);
            p.open_for = 1s * *between(1, 5);
            p.trials = *between(1u, 4u);
            return p;
        });
    }
};

template <>
struct Arbitrary<command> {
    static Gen<command> arbitrary() {
        const auto any = gen::map(between(0, static_cast<int>(act::last)), [](int i) { return act(i); });
        const auto often = gen::element(act::acquire, act::fail, act::call_failing, act::advance);
        return gen::construct<command>(gen::oneOf(any, often), between(0u, 100u));
    }
};

}  // namespace rc

namespace {

class forest_walk {
public:
    explicit forest_walk(const std::vector<node_plan>& plans) {
        for (const node_plan& p : plans) grow(p);
    }

    void run(const command& c) {
        opened_.clear();
        const auto before = look();
        switch (c.what) {
            case act::acquire: acquire(some(c.which), before); break;
            case act::succeed: settle(c.which, verdict::success, before); break;
            case act::fail: settle(c.which, verdict::failure, before); break;
            case act::ignore: settle(c.which, verdict::ignored, before); break;
            case act::drop: settle(c.which, std::nullopt, before); break;
            case act::call_failing:
                acquire(some(c.which), before);
                if (just_given_) settle(static_cast<unsigned>(held_.size() - 1), verdict::failure, look());
                break;
            case act::advance: clock_.advance(300ms * c.which % 7s); break;
            case act::force_open: some(c.which).node->breaker()->force_open(); break;
            case act::reset: some(c.which).node->breaker()->reset(); break;
            case act::destroy: destroy(c.which); break;
            case act::grow: grow({c.which, 1 + c.which % 3, 1 + c.which % 2, 50, 2s, 1}); break;
            case act::last: break;
        }
        judge_rules(before);
    }

private:
    struct member {
        node_plan plan;
        std::shared_ptr<circuit_node> node;
        subscription listening;
    };
    struct held_call {
        circuit_node::permit permit;
        std::set<circuit_node*> heard_by;  // the circuits that are to hear of it
        circuit_node* own;
    };
    using view = std::map<circuit_node*, circuit_snapshot>;

    static bool is_shut(const circuit_snapshot& s) {
        return s.state == circuit_state::forced_open || (s.state == circuit_state::open && s.retry_after > 0s);
    }
    static std::uint64_t settled(const circuit_snapshot& s) {
        return s.totals.calls() - s.totals.rejected - s.lost_trials;
    }
    // The circuits that a call through `n` must pass, root first, its own last.
    static std::vector<circuit_node*> path_of(circuit_node* n) {
        std::vector<circuit_node*> path{n};
        for (; n->parent(); n = n->parent().get()) path.insert(path.begin(), n->parent().get());
        return path;
    }

    view look() const {
        view v;
        for (const member& m : members_) v.emplace(m.node.get(), m.node->breaker()->snapshot());
        return v;
    }
    member& some(unsigned which) { return members_[which % members_.size()]; }

    void grow(const node_plan& p) {
        if (members_.size() >= 12) return;
        circuit_node_options o{.weight = p.weight};
        if (p.count) o.opens_on = open_children{*p.count};
        else o.opens_on = open_weight{double(p.percent) / 100};
        const auto breaker =
            std::make_shared<circuit_breaker>("node" + std::to_string(++named_),
                                              circuit_breaker_options{.consecutive_failures = 2,
                                                                      .open_for = p.open_for,
                                                                      .open_jitter = 0,
                                                                      .half_open_calls = p.trials,
                                                                      .half_open_concurrency = 1 + p.trials / 2,
                                                                      .trial_lease = 4s},
                                              &clock_);
        auto node = std::make_shared<circuit_node>(breaker, o, members_.empty() ? nullptr : some(p.parent).node);
        auto listening = breaker->subscribe([this, n = node.get()](const circuit_event& e) {
            if (e.kind == event_kind::circuit_opened) opened_.emplace(n, e.rule);
        });
        members_.push_back({p, std::move(node), std::move(listening)});
    }

    void destroy(unsigned which) {
        const auto at = members_.begin() + which % members_.size();
        const bool in_use = std::any_of(held_.begin(), held_.end(), [&](auto& h) { return h.own == at->node.get(); });
        if (at->node.use_count() > 1 || in_use || members_.size() == 1) return;
        at->listening.cancel();
        members_.erase(at);
    }

    void acquire(member& m, const view& before) {
        const auto path = path_of(m.node.get());
        const auto shut = std::find_if(path.begin(), path.end(), [](auto* n) { return n->breaker()->is_shut(); });
        circuit_node* const first_shut = shut == path.end() ? nullptr : *shut;
        auto answer = m.node->try_acquire();
        const view after = look();
        just_given_ = answer.has_value();
        if (answer) check_given(path, *answer, before, after);
        else check_refused(path, first_shut, answer.error(), before, after);
        untouched(before, after, {path.begin(), path.end()});
        if (!answer) return;
        std::set<circuit_node*> heard_by{path.back()};
        for (circuit_node* n : path)
            if (after.at(n).state == circuit_state::half_open) heard_by.insert(n);
        held_.push_back({std::move(*answer), std::move(heard_by), path.back()});
    }

    // Nobody above is open, and each half-open circuit on the way has given one place.
    static void check_given(const std::vector<circuit_node*>& path, const circuit_node::permit& p, const view& before,
                            const view& after) {
        std::size_t places = 0;
        for (circuit_node* n : path) {
            RC_ASSERT(!is_shut(before.at(n)));
            RC_ASSERT(after.at(n).state == circuit_state::closed || after.at(n).state == circuit_state::half_open);
            const auto taken = after.at(n).half_open.in_flight - before.at(n).half_open.in_flight;
            RC_ASSERT(taken == (after.at(n).state == circuit_state::half_open ? 1u : 0u));
            places += taken;
        }
        RC_ASSERT(p.trials() == places);
    }

    // Somebody on the way had a reason, is named, and no place is kept.
    static void check_refused(const std::vector<circuit_node*>& path, circuit_node* first_shut, const rejection& r,
                              const view& before, const view& after) {
        circuit_node* by = path.back();
        for (circuit_node* n : path) {
            if (r.code == errc::parent_open && n->name() == r.parent.name()) by = n;
            RC_ASSERT(after.at(n).half_open.in_flight == before.at(n).half_open.in_flight);
        }
        RC_ASSERT((r.code == errc::parent_open) == (by != path.back()));
        RC_ASSERT(after.at(by).totals.rejected == before.at(by).totals.rejected + 1);
        RC_ASSERT(after.at(by).state != circuit_state::closed);
        for (circuit_node* n : path)
            if (n != by) RC_ASSERT(after.at(n).totals.rejected == before.at(n).totals.rejected);
        if (first_shut == nullptr) return;
        RC_ASSERT(by == first_shut);  // and nobody else was asked
        untouched(before, after, {by});
    }

    // Each circuit that gave a place hears of the call once, and nobody else does.
    void settle(unsigned which, std::optional<verdict> outcome, const view& before) {
        if (held_.empty()) return;
        const auto at = held_.begin() + which % held_.size();
        held_call h = std::move(*at);
        held_.erase(at);
        if (outcome) h.permit.settle(*outcome);
        h.permit.abandon();
        h.permit.settle(verdict::failure);
        const view after = look();
        for (const auto& [n, s] : after)
            RC_ASSERT(settled(s) - settled(before.at(n)) == (h.heard_by.contains(n) ? 1u : 0u));
    }

    // Every other circuit is as it was.
    static void untouched(const view& before, const view& after, const std::set<circuit_node*>& but) {
        for (const auto& [n, s] : after) {
            if (but.contains(n)) continue;
            RC_ASSERT(s.generation == before.at(n).generation);
            RC_ASSERT(s.totals == before.at(n).totals);
        }
    }

    // A parent that was closed opens if and only if one of its children opened and its rule holds.
    void judge_rules(const view& before) {
        for (const member& m : members_) {
            const auto was = before.find(m.node.get());
            if (was == before.end()) continue;
            children_tally wanted;
            bool child_opened = false;
            for (const member& c : members_) {
                if (c.node->parent() != m.node) continue;
                child_opened |= opened_.contains(c.node.get());
                const bool open = c.node->breaker()->state() == circuit_state::open;
                wanted.open += open;
                wanted.weight += c.plan.weight;
                wanted.weight_open += open ? c.plan.weight : 0;
            }
            RC_ASSERT(m.node->snapshot().tally() == wanted);
            const bool holds = m.plan.count ? wanted.open >= *m.plan.count
                                            : wanted.weight_open * 100 >= m.plan.percent * wanted.weight;
            const auto opened = opened_.find(m.node.get());
            const bool by_children = opened != opened_.end() && opened->second == trip_rule::children;
            RC_ASSERT(by_children == (was->second.state == circuit_state::closed && child_opened && holds));
        }
    }

    fusebox::testing::manual_clock clock_{1h};
    unsigned named_ = 0;
    std::map<circuit_node*, trip_rule> opened_;  // in this step
    std::vector<member> members_;
    std::vector<held_call> held_;
    bool just_given_ = false;
};

const bool parameters_set = setenv("RC_PARAMS", "max_success=700 max_size=120 seed=1", 0) == 0;

RC_GTEST_PROP(circuit_hierarchy, keeps_its_promises_in_every_tree,
              (const std::vector<node_plan>& plans, const std::vector<command>& history)) {
    RC_ASSERT(parameters_set);
    RC_PRE(!plans.empty());
    forest_walk walk{plans};
    for (const command& c : history) walk.run(c);
}

}  // namespace
