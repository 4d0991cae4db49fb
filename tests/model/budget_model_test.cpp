// The retry budget against a list of everything that ever happened, counted anew at each step.
#include <fusebox/retry_budget.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;

struct plain_budget {
    std::uint64_t thousandths, min_per_second, seconds;
    std::vector<time_point> calls{}, spent{};
    std::uint64_t held = 0, refused = 0;

    // The window: the bucket of `now`, a tenth of the window wide, and the nine before it.
    std::uint64_t in_window(const std::vector<time_point>& all, time_point now) const {
        const duration width = duration{std::chrono::seconds{seconds}} / 10;
        const auto bucket = [&](time_point t) { return t.time_since_epoch() / width; };
        return static_cast<std::uint64_t>(
            std::ranges::count_if(all, [&](time_point t) { return bucket(t) > bucket(now) - 10; }));
    }
    bool allowed(std::uint64_t more, time_point now) const {
        return (in_window(spent, now) + held + more) * 1000 <
               thousandths * in_window(calls, now) + min_per_second * seconds * 1000;
    }
    std::uint64_t available(time_point now) const {
        std::uint64_t n = 0;
        while (allowed(n, now)) ++n;
        return n;
    }
    retry_budget_snapshot snapshot(time_point now) const {
        return {in_window(calls, now), in_window(spent, now), held, available(now), spent.size(), refused};
    }
};

enum class act : unsigned char { call, calls, reserve, spend, drop, pass, look_ahead };

void history(const std::vector<std::pair<act, unsigned>>& steps, plain_budget model) {
    retry_budget budget({.ratio = double(model.thousandths) / 1000.0,
                         .min_per_second = static_cast<std::uint32_t>(model.min_per_second),
                         .window = std::chrono::seconds{model.seconds}});
    const duration window = budget.options().window;
    std::vector<retry_budget::reservation> places;
    time_point now{1000s};

    for (const auto& [what, n] : steps) {
        switch (what) {
            case act::call:
            case act::calls:
                for (unsigned i = 0; i < (what == act::call ? 1 : n % 50); ++i) {
                    budget.note_call(now);
                    model.calls.push_back(now);
                }
                break;
            case act::reserve: {
                auto place = budget.try_reserve(now);
                RC_ASSERT(place.has_value() == model.allowed(0, now));
                if (place) {
                    places.push_back(std::move(*place));
                    ++model.held;
                } else {
                    ++model.refused;
                }
                break;
            }
            case act::spend:
            case act::drop:
                if (places.empty()) break;
                std::swap(places[n % places.size()], places.back());
                if (what == act::spend) {
                    places.back().spend(now);
                    model.spent.push_back(now);
                }
                places.pop_back();
                --model.held;
                break;
            case act::pass: now += window * (n % 40) / 30; break;  // from nothing to more than a window
            case act::look_ahead: {
                const time_point later = now + window * (n % 40) / 30;
                RC_ASSERT(budget.snapshot(later) == model.snapshot(later));
                break;
            }
        }
        RC_ASSERT(budget.snapshot(now) == model.snapshot(now));
    }
}

}  // namespace

RC_GTEST_PROP(budget_model, agrees_after_every_step, ()) {
    const plain_budget model{*rc::gen::inRange<std::uint64_t>(0, 1001), *rc::gen::inRange<std::uint64_t>(0, 6),
                             *rc::gen::element<std::uint64_t>(1, 3, 10, 60)};
    const auto step =
        rc::gen::pair(rc::gen::map(rc::gen::inRange(0, 7), [](int a) { return act(a); }), rc::gen::inRange(0u, 1000u));
    history(*rc::gen::container<std::vector<std::pair<act, unsigned>>>(step), model);
}
