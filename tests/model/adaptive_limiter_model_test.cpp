// The adaptive limiter against its rules said once more, as plainly as can be: every call of a window is kept in a
// list and counted when the window ends. Random options, random histories of calls.
#include <fusebox/adaptive_limiter.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <ostream>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;

struct model {
    struct call {
        time_point entered;
        std::uint32_t seen;
    };
    struct ended {
        time_point at;
        double rtt;  // below 0 for a drop
        std::uint32_t seen;
    };

    adaptive_limiter_options o;
    double limit;
    std::deque<call> in_flight{};
    std::vector<ended> window{};
    std::vector<double> averaged{};  // Gradient2: the first ten samples
    double base = 0;                 // the long average, or the shortest round trip
    std::uint64_t rejected = 0, drops = 0, samples = 0;

    bool enter(time_point now) {
        if (double(in_flight.size()) >= std::floor(limit)) return ++rejected, false;
        in_flight.push_back({now, std::uint32_t(in_flight.size() + 1)});
        return true;
    }

    void settle(std::size_t which, verdict v, time_point now) {
        const call c = in_flight[which];
        abandon(which);
        const double rtt = double((now - c.entered).count());
        if (v == verdict::ignored || (v == verdict::success && rtt <= 0)) return;
        drops += v == verdict::failure;
        window.push_back({now, v == verdict::failure ? -1 : rtt, c.seen});
        if (now - window.front().at >= o.window && window.size() >= o.minimum_calls) end_window();
    }

    void abandon(std::size_t which) { in_flight.erase(in_flight.begin() + std::ptrdiff_t(which)); }

private:
    void end_window() {
        ++samples;
        double sum = 0, good = 0, most = 0;
        for (const ended& e : window) {
            if (e.rtt >= 0) sum += e.rtt, ++good;
            most = std::max(most, double(e.seen));
        }
        const bool dropped = double(window.size()) - good >= o.drop_threshold * double(window.size());
        window.clear();
        if (const auto* g = std::get_if<gradient2_options>(&o.algorithm)) gradient2(*g, dropped, sum / good, most);
        else vegas(std::get<vegas_options>(o.algorithm), dropped, sum / good, most);
    }

    void gradient2(const gradient2_options& g, bool dropped, double rtt, double most) {
        double estimate = limit;
        if (dropped) {
            estimate = limit / 2;
        } else {
            if (averaged.size() < 10) {
                averaged.push_back(rtt);
                base = 0;
                for (const double r : averaged) base += r / double(averaged.size());
            } else {
                const double weight = 2 / (double(g.long_window) + 1);
                base = base * (1 - weight) + rtt * weight;
            }
            const double gradient = base / rtt;
            if (gradient > 2) base = base * 0.9;
            if (most < limit / 2) return;
            estimate = limit * std::max(0.5, std::min(1.0, gradient)) + g.queue_size;
        }
        limit = std::clamp(limit * (1 - g.smoothing) + estimate * g.smoothing, double(g.minimum_limit),
                           double(g.maximum_limit));
    }

    // Without probes: the test's are further away than its histories are long.
    void vegas(const vegas_options& v, bool dropped, double rtt, double most) {
        const double lg = limit < 100 ? 1 : limit < 1000 ? 2 : 3;
        double estimate = limit;
        if (dropped) {
            estimate = limit - lg;
        } else if (base == 0 || rtt < base) {
            base = rtt;
            return;
        } else {
            if (2 * most < limit) return;
            const double queue = std::ceil(limit * (1 - base / rtt));
            estimate = queue <= lg ? limit + 6 * lg : queue < 3 * lg ? limit + lg : queue > 6 * lg ? limit - lg : limit;
        }
        estimate = std::clamp(estimate, double(v.minimum_limit), double(v.maximum_limit));
        limit = limit * (1 - v.smoothing) + estimate * v.smoothing;
    }
};

enum class act : unsigned char { enter, fill, succeed, fail, ignore, drop, advance, serve_all };

struct command {
    act what{};
    unsigned which = 0;
    friend std::ostream& operator<<(std::ostream& out, const command& c) {
        constexpr const char* names[] = {"enter", "fill", "succeed", "fail", "ignore", "drop", "advance", "serve_all"};
        return out << names[static_cast<unsigned>(c.what)] << '(' << c.which << ')';
    }
};

rc::Gen<std::vector<command>> histories() {
    using namespace rc;
    const auto what = gen::weightedElement<act>({{4, act::enter},
                                                 {10, act::fill},
                                                 {4, act::succeed},
                                                 {1, act::fail},
                                                 {1, act::ignore},
                                                 {1, act::drop},
                                                 {4, act::advance},
                                                 {12, act::serve_all}});
    const auto one =
        gen::build<command>(gen::set(&command::what, what), gen::set(&command::which, gen::inRange(0u, 64u)));
    return gen::scale(3.0, gen::container<std::vector<command>>(one));
}

adaptive_limiter_options some_options() {
    using namespace rc;
    adaptive_limiter_options o{.window = *gen::element<duration>(1ms, 2ms, 5ms),
                               .minimum_calls = *gen::inRange(1u, 8u),
                               .drop_threshold = *gen::element(0.1, 0.3, 1.0),
                               .seed = 1};
    const std::uint32_t least = *gen::inRange(1u, 20u), first = least + *gen::inRange(0u, 20u),
                        most = first + *gen::inRange(0u, 100u);
    const double smoothing = *gen::element(0.2, 0.5, 1.0);
    if (*gen::arbitrary<bool>())
        o.algorithm = gradient2_options{first, least, most, smoothing, *gen::inRange(1u, 9u), *gen::inRange(10u, 30u)};
    else o.algorithm = vegas_options{first, least, most, smoothing, 10'000};
    return o;
}

// Both sides of one history.
struct pair {
    explicit pair(const adaptive_limiter_options& o)
        : real(o), rules{o, std::visit([](const auto& a) { return double(a.initial_limit); }, o.algorithm)} {}

    adaptive_limiter real;
    model rules;
    std::deque<adaptive_limiter::permit> permits{};
    time_point now{};

    bool enter() {
        auto p = real.enter(now);
        RC_ASSERT(p.has_value() == rules.enter(now));
        if (p) permits.push_back(std::move(*p));
        return p.has_value();
    }
    void settle(std::size_t which, verdict v) {
        permits[which].settle(v, now);
        permits.erase(permits.begin() + std::ptrdiff_t(which));
        rules.settle(which, v, now);
    }
    void drop(std::size_t which) {
        permits.erase(permits.begin() + std::ptrdiff_t(which));
        rules.abandon(which);
    }

    void play(const command& c) {
        if (c.what == act::advance) now += c.which * 100us;
        else if (c.what == act::enter) enter();
        else if (c.what == act::fill)
            while (enter()) {}
        else if (c.what == act::serve_all) {
            now += 1ms + c.which * 50us;
            while (!permits.empty())
                settle(permits.size() - 1, c.which % 10 == 0 ? verdict::failure : verdict::success);
        } else if (!permits.empty()) {
            const std::size_t which = c.which % permits.size();
            if (c.what == act::drop) drop(which);
            else
                settle(which, c.what == act::succeed ? verdict::success
                              : c.what == act::fail  ? verdict::failure
                                                     : verdict::ignored);
        }
    }

    void compare() const {
        const auto s = real.snapshot();
        // Sums in another order: a limit may lie a rounding beside a whole number.
        RC_ASSERT(std::abs(double(s.limit) - std::floor(rules.limit)) <= (near_whole(rules.limit) ? 1 : 0));
        RC_ASSERT(s.in_flight == rules.in_flight.size());
        RC_ASSERT(s.rejected == rules.rejected);
        RC_ASSERT(s.drops == rules.drops);
        RC_ASSERT(s.samples == rules.samples);
        RC_ASSERT(std::abs(double(s.rtt_noload.count()) - rules.base) <= 2 + 1e-9 * rules.base);
    }
    static bool near_whole(double x) { return std::abs(x - std::round(x)) < 1e-9; }
};

}  // namespace

RC_GTEST_PROP(adaptive_limiter_model, every_history_shows_what_the_rules_say, ()) {
    const auto options = some_options();
    RC_PRE(options.validate().empty());
    pair both{options};
    for (const command& c : *histories()) {
        both.play(c);
        both.compare();
        // Where rounding decides, the two may part: not a matter of the rules.
        if (pair::near_whole(both.rules.limit) && both.real.snapshot().limit != std::floor(both.rules.limit)) break;
    }
    RC_CLASSIFY(both.rules.samples > 20, "more than 20 windows");
}

RC_GTEST_PROP(adaptive_limiter_model, the_limit_stays_within_its_bounds_and_is_never_exceeded, ()) {
    const auto options = some_options();
    const auto [least, most] =
        std::visit([](const auto& a) { return std::pair{a.minimum_limit, a.maximum_limit}; }, options.algorithm);
    pair both{options};
    for (const command& c : *histories()) {
        const auto before = both.real.snapshot();
        both.play(c);
        const auto after = both.real.snapshot();
        RC_ASSERT(after.limit >= least);
        RC_ASSERT(after.limit <= most);
        RC_ASSERT(after.in_flight <= std::max({before.limit, before.in_flight, after.limit}));
    }
}
