// A hedged call against a table of its attempts: whatever is reported, in whatever order, there is one
// result, no more launches than are paid for, and the error told is the last real one.
#include <fusebox/hedge.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;

enum class fate : unsigned char { running, answered, wrong_request, failed, refused };

struct plain_race {
    std::uint32_t most;
    std::uint64_t budget;  // places left
    duration delay;
    std::vector<fate> attempts{fate::running};
    std::vector<std::uint32_t> errors{};  // attempts, in the order of their failing
    std::optional<time_point> due{};
    bool over = false, promised = false;
    std::uint64_t suppressed = 0;

    bool stopped() const { return over || std::ranges::count(attempts, fate::refused) > 0; }
    bool may_launch() const { return !stopped() && attempts.size() < most; }

    std::optional<std::uint32_t> launch(time_point now) {
        due.reset();
        if (!may_launch()) return {};
        if (!promised && budget == 0) {
            ++suppressed;
            return {};
        }
        if (!promised) --budget;
        promised = false;
        attempts.push_back(fate::running);
        if (may_launch()) due = now + delay;
        return static_cast<std::uint32_t>(attempts.size());
    }

    hedge::decision ended(std::uint32_t id, fate how) {
        if (over || id > attempts.size() || attempts[id - 1] != fate::running) return {hedge_action::wait};
        attempts[id - 1] = how;
        if (how == fate::answered || how == fate::wrong_request) {
            conclude();
            return {hedge_action::finished, id};
        }
        errors.push_back(id);
        if (stopped()) {
            due.reset();
            give_back();
        }
        if (promised) return {hedge_action::wait};
        if (may_launch()) {
            if (budget > 0) {
                --budget;
                promised = true;
                return {hedge_action::launch_now};
            }
            ++suppressed;
        }
        if (std::ranges::count(attempts, fate::running) > 0) return {hedge_action::wait};
        conclude();
        for (auto e = errors.rbegin(); e != errors.rend(); ++e)
            if (attempts[*e - 1] == fate::failed) return {hedge_action::failed, *e};
        return {hedge_action::failed, errors.back()};
    }

    void conclude() {
        over = true;
        due.reset();
        give_back();
    }
    void give_back() {
        if (promised) ++budget;
        promised = false;
    }
};

report as_report(fate how) {
    switch (how) {
        case fate::answered: return verdict::success;
        case fate::failed: return verdict::failure;
        default: return verdict::ignored;
    }
}

void race(const std::vector<std::pair<unsigned, unsigned>>& steps, plain_race model) {
    const auto budget = std::make_shared<retry_budget>(
        retry_budget_options{.ratio = 0, .min_per_second = static_cast<std::uint32_t>(model.budget), .window = 1s});
    hedge h({.delay = model.delay, .max_attempts = model.most, .budget = budget});
    time_point now{1000s};
    auto call = h.begin(now);
    model.due = now + model.delay;
    const auto places = model.budget;
    int results = 0;

    for (const auto& [what, which] : steps) {
        now += 1us * (which % 7);  // the whole history stays within one bucket of the budget
        if (what == 0 && (model.promised || (model.due && *model.due <= now))) {
            RC_ASSERT(call.launch(now) == model.launch(now));
        } else if (what == 1 && model.due) {
            now = std::max(now, *model.due);
            RC_ASSERT(call.launch(now) == model.launch(now));
        } else {
            const auto id = 1 + which % model.most;
            const auto how = fate(1 + (what + which) % 4);
            const auto decision = call.ended(id, as_report(how), how == fate::refused, now);
            RC_ASSERT(decision == model.ended(id, how));
            results += decision.action == hedge_action::finished || decision.action == hedge_action::failed;
        }
        RC_ASSERT(results <= 1);
        RC_ASSERT(call.next_launch() == model.due);
        if (!model.over)
            RC_ASSERT(call.running() == static_cast<std::uint32_t>(std::ranges::count(model.attempts, fate::running)));
        const auto b = budget->snapshot(now);
        RC_ASSERT(b.available == model.budget);
        RC_ASSERT(b.held == (model.promised ? 1u : 0u));
        RC_ASSERT(b.spent + b.held + b.available == places);
        RC_ASSERT(h.snapshot().launched == model.attempts.size() - 1);
        RC_ASSERT(h.snapshot().suppressed == model.suppressed);
    }
}

}  // namespace

RC_GTEST_PROP(hedge_model, agrees_after_every_step, ()) {
    const plain_race model{*rc::gen::inRange(2u, 6u), *rc::gen::inRange<std::uint64_t>(0, 5),
                           1us * *rc::gen::inRange(0, 20)};
    const auto step = rc::gen::pair(rc::gen::inRange(0u, 6u), rc::gen::inRange(0u, 1000u));
    race(*rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(step), model);
}
