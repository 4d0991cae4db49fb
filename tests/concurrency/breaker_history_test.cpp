// Short histories of two or three threads, each of which must be explained by some order of its steps: the
// reference model, told in that order, must give every answer that was given and show what is shown at the end.
//
// The search for such an order is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993): a
// step may come next if no other that is left had ended before it began.
//
// Held to it are the rules that count failures. A rate or a row of failures may miss a success that a thread
// was about to count when the failure was judged: one a thread at most, and it is in the window soon after.
#include "../model/reference_model.hpp"
#include "race.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

namespace {

using namespace fusebox;
using namespace fusebox::testing;
using namespace std::chrono_literals;

enum class act { acquire, succeed, fail, abandon, force_open, reset, poll };

// One thing that one thread did. `permit` is the number of the permit that it got or settled.
struct step {
    act what{};
    int permit = 0;
    long begun = 0, ended = 0;
    std::optional<std::uint64_t> admitted_in{};  // acquire: the generation
    bool trial = false;
    duration retry_after{};
};

std::ostream& operator<<(std::ostream& out, const step& s) {
    constexpr const char* names[] = {"acquire", "succeed", "fail", "abandon", "force_open", "reset", "poll"};
    out << '[' << s.begun << ',' << s.ended << "] " << names[int(s.what)];
    if (s.what <= act::abandon) out << ' ' << s.permit;
    if (s.admitted_in) out << " in " << *s.admitted_in << (s.trial ? " (trial)" : "");
    return out;
}

using permits = std::map<int, reference_model::permit>;

// Whether the model, asked for the same, gives the same answer.
bool agrees(reference_model& model, permits& held, const step& s, time_point now) {
    switch (s.what) {
        case act::acquire: {
            const auto a = model.acquire(now);
            if (a.given) held[s.permit] = *a.given;
            if (a.given.has_value() != s.admitted_in.has_value()) return false;
            return a.given ? a.given->generation == *s.admitted_in && (a.given->trial != 0) == s.trial
                           : a.retry_after == s.retry_after;
        }
        case act::succeed: model.settle(held.at(s.permit), verdict::success, now); break;
        case act::fail: model.settle(held.at(s.permit), verdict::failure, now); break;
        case act::abandon: model.abandon(held.at(s.permit), now); break;
        case act::force_open: model.operate(circuit_state::forced_open, now); break;
        case act::reset: model.operate(circuit_state::closed, now); break;
        case act::poll: model.poll(now); break;
    }
    return true;
}

bool shows(const reference_model& model, const circuit_snapshot& s, time_point now) {
    const auto wanted = model.snapshot(now);
    return s.state == wanted.state && s.generation == wanted.generation && s.window == wanted.window &&
           s.totals == wanted.totals && s.half_open == wanted.half_open && s.retry_after == wanted.retry_after;
}

// Whether some order of the steps that are left explains what happened.
bool explained(const reference_model& model, const permits& held, std::vector<step> left, const circuit_snapshot& end,
               time_point now) {
    if (left.empty()) return shows(model, end, now);
    const long first_end = std::min_element(left.begin(), left.end(), [](const step& a, const step& b) {
                               return a.ended < b.ended;
                           })->ended;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (left[i].begun > first_end) continue;
        reference_model next = model;
        permits then = held;
        if (!agrees(next, then, left[i], now)) continue;
        std::vector<step> rest = left;
        rest.erase(rest.begin() + std::ptrdiff_t(i));
        if (explained(next, then, std::move(rest), end, now)) return true;
    }
    return false;
}

std::string told(std::vector<step> steps) {
    std::sort(steps.begin(), steps.end(), [](const step& a, const step& b) { return a.begun < b.begun; });
    std::ostringstream out;
    for (const step& s : steps) out << s << '\n';
    return out.str();
}

circuit_breaker_options counting(splitmix64& chance) {
    const auto upto = [&](std::uint32_t n) { return 1 + std::uint32_t(chance.next() % n); };
    circuit_breaker_options o;
    o.failure_count_threshold = upto(3);
    o.window = count_window{50};
    o.open_for = 1s;
    o.open_jitter = 0;
    o.half_open_calls = upto(3);
    o.half_open_concurrency = upto(o.half_open_calls);
    o.automatic_half_open = true;
    return o;
}

// One history: some steps by one thread, so that it begins in any state; then all threads at once.
class history {
public:
    history(int threads, std::uint64_t seed)
        : chance_(seed),
          options_(counting(chance_)),
          breaker_("told", options_, &clock_),
          model_(options_, clock_.now()),
          own_(std::size_t(threads)),
          steps_(std::size_t(threads)),
          plans_(std::size_t(threads)) {
        for (auto n = chance_.next() % 12; n > 0; --n) {
            before(draw(chance_));
            if (chance_.next() % 4 == 0) clock_.advance(1s);
        }
        for (int t = 0; t < threads; ++t) {
            if (chance_.next() % 2 == 0) before(act::acquire, t);
            for (int i = 0; i < 4; ++i) plans_[std::size_t(t)].push_back(draw(chance_));
        }
    }
    void run(int thread) {
        const auto t = std::size_t(thread);
        for (const act a : plans_[t]) perform(a, thread, steps_[t]);
    }
    std::vector<step> all() const {
        std::vector<step> steps;
        for (const auto& s : steps_) steps.insert(steps.end(), s.begin(), s.end());
        return steps;
    }
    bool is_explained() const { return explained(model_, held_, all(), breaker_.snapshot(), clock_.now()); }

private:
    static act draw(splitmix64& chance) {
        constexpr std::array likely{act::acquire, act::acquire, act::acquire, act::succeed, act::succeed, act::succeed,
                                    act::fail,    act::fail,    act::fail,    act::abandon, act::poll};
        const auto n = chance.next() % 12;
        if (n < likely.size()) return likely[n];
        return chance.next() % 2 == 0 ? act::force_open : act::reset;
    }

    // A step before the threads begin: the model follows at once.
    void before(act what, int thread = 0) {
        std::vector<step> done;
        perform(what, thread, done);
        for (const step& s : done) EXPECT_TRUE(agrees(model_, held_, s, clock_.now()));
    }

    void perform(act what, int thread, std::vector<step>& done) {
        auto& mine = own_[std::size_t(thread)];
        const bool settles = what == act::succeed || what == act::fail || what == act::abandon;
        if (settles && mine.empty()) what = act::acquire;
        step s{.what = what, .begun = ++stamp_};
        if (what == act::acquire) {
            s.permit = ++numbered_;
            auto p = breaker_.try_acquire();
            if (p) {
                s.admitted_in = p->generation();
                s.trial = p->is_trial();
                mine.emplace_back(s.permit, std::move(*p));
            } else {
                s.retry_after = p.error().retry_after;
            }
        } else if (settles) {
            auto [number, permit] = std::move(mine.back());
            mine.pop_back();
            s.permit = number;
            if (what == act::abandon) permit.abandon();
            else permit.settle(what == act::succeed ? verdict::success : verdict::failure);
        } else if (what == act::poll) {
            breaker_.poll();
        } else {
            what == act::reset ? breaker_.reset() : breaker_.force_open();
        }
        s.ended = ++stamp_;
        done.push_back(s);
    }

    manual_clock clock_{};
    splitmix64 chance_;
    circuit_breaker_options options_;
    circuit_breaker breaker_;
    reference_model model_;
    permits held_{};
    std::atomic<long> stamp_{0};
    std::atomic<int> numbered_{0};
    std::vector<std::vector<std::pair<int, circuit_breaker::permit>>> own_;
    std::vector<std::vector<step>> steps_;
    std::vector<std::vector<act>> plans_;
};

// How many histories nobody can explain; the first is shown.
int unexplained(int threads) {
    int strange = 0;
    constexpr int batch = 50;
    std::vector<std::unique_ptr<history>> histories(batch);
    std::vector<std::atomic<int>> here(batch);
    std::barrier<> meet{threads};
    const auto run = [&](int me) {
        for (int b = 0; b < rounds() / batch; ++b) {
            if (me == 0)
                for (std::size_t i = 0; i < batch; ++i) {
                    histories[i] = std::make_unique<history>(threads, std::uint64_t(b * batch) + i);
                    here[i] = 0;
                }
            meet.arrive_and_wait();
            for (std::size_t i = 0; i < batch; ++i) {
                ++here[i];
                for (int spins = 0; here[i] < threads; ++spins)
                    if (spins > 5000) std::this_thread::yield();
                histories[i]->run(me);
            }
            meet.arrive_and_wait();
            if (me != 0) continue;
            for (const auto& h : histories)
                if (!h->is_explained() && ++strange == 1) ADD_FAILURE() << "no order explains\n" << told(h->all());
        }
    };
    std::vector<std::jthread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(run, i);
    run(0);
    return strange;
}

TEST(breaker_histories, of_two_threads_are_explained_by_some_order) {
    EXPECT_EQ(unexplained(2), 0);
}
TEST(breaker_histories, of_three_threads_are_explained_by_some_order) {
    EXPECT_EQ(unexplained(3), 0);
}

// The search must be able to say no.
TEST(breaker_histories, that_cannot_have_been_are_found_out) {
    const time_point now{};
    const circuit_breaker_options o{.failure_count_threshold = 1, .open_jitter = 0};
    const reference_model fresh{o, now};
    reference_model forced = fresh;
    forced.operate(circuit_state::forced_open, now);
    const step force{.what = act::force_open, .begun = 1, .ended = 2};
    const step after{.what = act::acquire, .permit = 1, .begun = 3, .ended = 4, .admitted_in = 1};
    const step meanwhile{.what = act::acquire, .permit = 1, .begun = 1, .ended = 4, .admitted_in = 1};
    EXPECT_FALSE(explained(fresh, {}, {force, after}, forced.snapshot(now), now));
    EXPECT_TRUE(explained(fresh, {}, {force, meanwhile}, forced.snapshot(now), now));
    EXPECT_FALSE(explained(fresh, {}, {force, meanwhile}, fresh.snapshot(now), now));
}

}  // namespace
