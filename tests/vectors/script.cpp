#include "case.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <sstream>

namespace vectors {

namespace {

using fusebox::circuit_breaker;
using fusebox::circuit_state;

std::string upper(circuit_state s) {
    std::string name = to_string(s);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return char(std::toupper(c)); });
    return name;
}

std::string shown(double v) {
    std::ostringstream out;
    out << v;
    return out.str();
}

// Plays a script against a real breaker. Each word returns what is wrong, or nothing.
class player {
public:
    explicit player(const fusebox::circuit_breaker_options& options) : breaker_("vector", options, &clock_) {
        events_ = breaker_.subscribe([this](const fusebox::circuit_event& e) { transitions_ += !e.is_virtual; },
                                     fusebox::transition_events);
    }

    std::string play(std::string_view w) {
        if (w.front() == '+') return advance(w.substr(1));
        if (w.front() == '!') return operate(w.substr(1));
        if (w.front() == '?') return check(w.substr(1));
        // Before admissions and rejections: a permit may be called a or r.
        if (const auto colon = w.find(':'); colon != std::string_view::npos)
            return settle(std::string(w.substr(0, colon)), w.substr(colon + 1));
        if (w.front() == 'a') return admit(std::string(w.substr(1)));
        if (w.front() == 'r') return expect_rejections(w.substr(1));
        return complete_calls(w);
    }

private:
    std::string advance(std::string_view seconds) {
        const auto by = parse_seconds(seconds);
        if (!by) return by.error();
        clock_.advance(*by);
        return {};
    }

    std::string operate(std::string_view action) {
        if (action == "FORCED_OPEN") breaker_.force_open();
        else if (action == "DISABLED") breaker_.disable();
        else if (action == "METRICS_ONLY") breaker_.metrics_only();
        else if (action == "reset") breaker_.reset();
        else return "unknown operator action";
        return {};
    }

    std::string admit(const std::string& name) {
        auto permit = breaker_.try_acquire();
        if (!permit) return "got rejected in state " + upper(breaker_.state());
        permits_.insert_or_assign(name, std::move(*permit));
        return {};
    }

    std::string expect_rejections(std::string_view times) {
        const auto n = times.empty() ? std::expected<double, std::string>{1} : parse_number(times);
        if (!n) return n.error();
        for (int i = 0; i < *n; ++i)
            if (breaker_.try_acquire()) return "got admitted in state " + upper(breaker_.state());
        return {};
    }

    std::string settle(const std::string& name, std::string_view outcome) {
        const auto found = permits_.find(name);
        if (found == permits_.end()) return "no permit " + name;
        return end(found->second, outcome);
    }

    std::string complete_calls(std::string_view w) {
        const auto digits = std::min(w.find_first_not_of("0123456789"), w.size());
        const int times = digits == 0 ? 1 : std::atoi(std::string(w.substr(0, digits)).c_str());
        for (int i = 0; i < times; ++i) {
            auto permit = breaker_.try_acquire();
            if (!permit) return "call " + std::to_string(i + 1) + " got rejected in state " + upper(breaker_.state());
            if (auto wrong = end(*permit, w.substr(digits)); !wrong.empty()) return wrong;
        }
        return {};
    }

    // S, F, I or X, with @seconds and wseconds behind it.
    static std::string end(circuit_breaker::permit& permit, std::string_view outcome) {
        if (outcome.empty()) return "no outcome";
        fusebox::report how{fusebox::verdict::success};
        switch (outcome.front()) {
            case 'S': break;
            case 'F': how.outcome = fusebox::verdict::failure; break;
            case 'I': how.outcome = fusebox::verdict::ignored; break;
            case 'X': permit.abandon(); return outcome.size() == 1 ? "" : "X takes nothing behind it";
            default: return "unknown outcome";
        }
        outcome.remove_prefix(1);
        while (!outcome.empty()) {
            const char kind = outcome.front();
            outcome.remove_prefix(1);
            const auto stop = std::min(outcome.find_first_of("@w"), outcome.size());
            const auto value = parse_seconds(outcome.substr(0, stop));
            if (!value) return value.error();
            if (kind == '@') how.elapsed = *value;
            else if (kind == 'w') how.retry_after = *value;
            else return "unknown outcome";
            outcome.remove_prefix(stop);
        }
        permit.settle(how);
        return {};
    }

    std::string check(std::string_view what) {
        breaker_.poll();  // a lost trial is noticed by whoever looks
        const auto s = breaker_.snapshot();
        const auto equals = what.find('=');
        if (equals == std::string_view::npos)
            return upper(breaker_.state()) == what ? "" : "got " + upper(breaker_.state());
        const std::string_view key = what.substr(0, equals);
        const std::map<std::string_view, double> values{{"n", double(s.window.calls)},
                                                        {"f", double(s.window.failures)},
                                                        {"rate", s.window.failure_rate()},
                                                        {"slow", double(s.window.slow_calls)},
                                                        {"rej", double(s.totals.rejected)},
                                                        {"late", double(s.totals.late_results)},
                                                        {"ra", double(s.retry_after.count()) / 1e9},
                                                        {"ev", double(transitions_)},
                                                        {"would", double(s.totals.virtual_openings)}};
        const auto found = values.find(key);
        if (found == values.end()) return "unknown check";
        const auto wanted = parse_number(what.substr(equals + 1));
        if (!wanted) return wanted.error();
        // Written with few decimals: equal to a thousandth, and to a ten-thousandth for rates.
        const double tolerance = key == "rate" ? 1e-4 : 1e-3;
        return std::abs(found->second - *wanted) <= tolerance ? ""
                                                              : "got " + std::string(key) + "=" + shown(found->second);
    }

    fusebox::testing::manual_clock clock_;
    circuit_breaker breaker_;
    int transitions_ = 0;
    fusebox::subscription events_;
    std::map<std::string, circuit_breaker::permit> permits_;
};

}  // namespace

std::string run(const test_case& c) {
    const auto options = parse_config(c.config);
    if (!options) return options.error();
    const auto errors = options->validate();
    std::istringstream script{c.script};
    const std::vector<std::string> words{std::istream_iterator<std::string>{script}, {}};
    if (words.size() == 1 && words.front() == "?INVALID")
        return errors.empty() ? "?INVALID: the configuration was accepted" : "";
    if (!errors.empty()) return "configuration refused: " + errors.front().message();

    player p{*options};
    for (std::size_t i = 0; i < words.size(); ++i)
        if (const std::string wrong = p.play(words[i]); !wrong.empty())
            return "word " + std::to_string(i + 1) + " '" + words[i] + "': " + wrong;
    return {};
}

}  // namespace vectors
