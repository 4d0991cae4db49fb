// Random arrivals at the rate limiters against plain models that remember every call.
#include <fusebox/rate_limiter.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;
using ns = std::int64_t;

// What happens next: time passes, a call comes, or one that waits gives up.
struct step {
    ns passes = 0;
    bool gives_up = false;
    unsigned which = 0;
    friend std::ostream& operator<<(std::ostream& out, const step& s) {
        return out << '+' << s.passes << (s.gives_up ? " gives up " : " calls ") << s.which;
    }
};

}  // namespace

template <>
struct rc::Arbitrary<step> {
    static Gen<step> arbitrary() {
        // Bursts at one instant, arrivals about as fast as the limits below, idle times, and odd nanoseconds.
        const auto passes = gen::oneOf(gen::just<ns>(0), gen::inRange<ns>(0, 3'000'000),
                                       gen::element<ns>(1, 500'000, 1'000'000, 20'000'000));
        return gen::build<step>(gen::set(&step::passes, passes),
                                gen::set(&step::gives_up, gen::weightedElement<bool>({{4, false}, {1, true}})),
                                gen::set(&step::which, gen::inRange(0u, 16u)));
    }
};

namespace {

constexpr ns epoch = 5'000'000'000;
time_point at(ns t) {
    return time_point{duration{t}};
}

// A bucket as it is drawn: a level of tokens, here in nanoseconds of refilling, which may become a debt.
class bucket_model {
public:
    bucket_model(double rate, std::uint32_t burst)
        : interval_(ns(std::ceil(1e9 / rate))), most_(burst * interval_), level_(most_) {}
    ns start(ns now) {
        level_ = std::min(most_, level_ + (now - then_));
        then_ = now;
        return now + std::max<ns>(0, interval_ - level_);
    }
    void take(ns) { level_ -= interval_; }

private:
    ns interval_, most_, level_, then_ = 0;
};

class fixed_model {
public:
    fixed_model(ns window, std::uint32_t limit) : window_(window), limit_(limit) {}
    ns start(ns now) {
        ns number = now / window_;
        while (calls_[number] >= limit_) ++number;
        return std::max(now, number * window_);
    }
    void take(ns start) { ++calls_[start / window_]; }

private:
    ns window_;
    std::uint32_t limit_;
    std::map<ns, std::uint32_t> calls_{};
};

class sliding_model {
public:
    sliding_model(ns window, std::uint32_t limit) : window_(window), limit_(limit) {}
    // Tries every window, and halves its way to the first nanosecond at which the estimate allows a call.
    ns start(ns now) {
        for (ns number = std::max(now / window_, latest_);; ++number) {
            ns low = number * window_, high = low + window_;
            if (!fits(high - 1)) continue;
            while (low < high) (fits((low + high) / 2) ? high : low) = (low + high) / 2 + !fits((low + high) / 2);
            return std::max(now, low);
        }
    }
    void take(ns start) {
        latest_ = start / window_;
        ++calls_[latest_];
    }

private:
    bool fits(ns t) {
        const ns number = t / window_, elapsed = t % window_;
        return calls_[number - 1] * (window_ - elapsed) + (calls_[number] + 1) * window_ <= limit_ * window_;
    }
    ns window_, limit_, latest_ = 0;
    std::map<ns, ns> calls_{};
};

// Plays the steps to both and returns when calls were made, in order.
template <class Limiter, class Model>
std::vector<ns> play(Limiter& real, Model model, ns max_wait, const std::vector<step>& steps) {
    std::vector<ns> made;
    std::multiset<ns> returned;  // starts that came back
    std::vector<std::pair<ns, rate_permit>> waiting;
    std::uint64_t rejected = 0, delayed = 0;
    ns now = epoch;
    for (const step& s : steps) {
        now += s.passes;
        std::erase_if(returned, [&](ns start) { return start <= now; });
        std::erase_if(waiting, [&](auto& w) {
            if (w.first > now) return false;
            w.second.settle(verdict::success, at(now));
            made.push_back(w.first);
            return true;
        });
        if (s.gives_up) {
            if (waiting.empty()) continue;
            const auto who = waiting.begin() + s.which % waiting.size();
            returned.insert(who->first);
            waiting.erase(who);
            continue;
        }
        auto answer = real.enter(at(now));
        ns start = model.start(now);
        if (start > now && !returned.empty()) {
            start = *returned.begin();
            returned.erase(returned.begin());
        } else if (start - now <= max_wait) {
            model.take(start);
        } else {
            RC_ASSERT(!answer.has_value());
            RC_ASSERT(answer.error().code == errc::rate_limited);
            RC_ASSERT(answer.error().retry_after.count() == start - now - max_wait);
            ++rejected;
            continue;
        }
        RC_ASSERT(answer.has_value());
        RC_ASSERT(answer->start_at.time_since_epoch().count() == start);
        if (start == now) {
            made.push_back(now);
        } else {
            ++delayed;
            waiting.emplace_back(start, std::move(answer->permit));
        }
    }
    RC_ASSERT(real.snapshot(at(now)).rejected == rejected);
    RC_ASSERT(real.snapshot(at(now)).delayed == delayed);
    std::ranges::sort(made);
    return made;
}

const bool parameters_set = setenv("RC_PARAMS", "max_success=2000 max_size=200 seed=1", 0) == 0;

duration some_wait() {
    return *rc::gen::element<duration>(0ms, 0ms, 1ms, 3500us, 10ms);
}

RC_GTEST_PROP(token_bucket, does_what_a_level_of_tokens_does_and_keeps_its_promise, (const std::vector<step>& steps)) {
    RC_ASSERT(parameters_set);
    const double rate = *rc::gen::element(300.0, 1000.0, 700.0, 3333.3, 1e6);
    const token_bucket_options o{.rate = rate, .burst = *rc::gen::inRange(1u, 6u), .max_wait = some_wait()};
    token_bucket real{o};
    const auto made = play(real, bucket_model{rate, o.burst}, o.max_wait.count(), steps);
    for (std::size_t i = 0; i < made.size(); ++i)
        for (std::size_t j = i; j < made.size(); ++j)
            RC_ASSERT(double(j - i + 1) <= double(o.burst) + rate * double(made[j] - made[i]) * 1e-9);
}

rate_window_options some_window() {
    return {.limit = *rc::gen::inRange(1u, 6u),
            .window = *rc::gen::element<duration>(1ms, 2ms, 7'654'321ns),
            .max_wait = some_wait()};
}

RC_GTEST_PROP(fixed_window, does_what_a_count_a_window_does, (const std::vector<step>& steps)) {
    const auto o = some_window();
    fixed_window real{o};
    std::map<ns, std::uint32_t> calls;
    for (const ns t : play(real, fixed_model{o.window.count(), o.limit}, o.max_wait.count(), steps))
        RC_ASSERT(++calls[t / o.window.count()] <= o.limit);
}

RC_GTEST_PROP(sliding_window, does_what_the_estimate_says, (const std::vector<step>& steps)) {
    const auto o = some_window();
    sliding_window real{o};
    play(real, sliding_model{o.window.count(), o.limit}, o.max_wait.count(), steps);
}

}  // namespace
