#include "case.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

namespace vectors {

using fusebox::circuit_breaker_options;
using fusebox::circuit_state;

std::expected<double, std::string> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::unexpected("'" + std::string(text) + "' is not a number");
    return value;
}

std::expected<fusebox::duration, std::string> parse_seconds(std::string_view text) {
    if (text.ends_with('s')) text.remove_suffix(1);
    const auto seconds = parse_number(text);
    if (!seconds) return std::unexpected(seconds.error());
    if (!(std::abs(*seconds) < 9e9)) return std::unexpected("'" + std::string(text) + "' seconds are too many");
    return fusebox::duration{std::llround(*seconds * 1e9)};
}

namespace {

// What is left of a line without its comment: `#` starts one where a word could begin.
std::string_view without_comment(std::string_view line) {
    for (auto at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
        if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') return line.substr(0, at);
    return line;
}

}  // namespace

std::expected<std::vector<test_case>, std::string> parse_file(std::string_view text) {
    std::vector<test_case> cases;
    if (constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    std::istringstream lines{std::string(text)};
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const std::string_view content = without_comment(line);
        if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        std::istringstream fields{std::string(content)};
        test_case c;
        if (!std::getline(fields, c.id, '\t') || !std::getline(fields, c.config, '\t') ||
            !std::getline(fields, c.script, '\t'))
            return std::unexpected("line " + std::to_string(number) +
                                   ": needs id, configuration and script, tab-separated");
        cases.push_back(std::move(c));
    }
    return cases;
}

namespace {

// Reads one configuration into options; the first fault is kept.
class config_reader {
public:
    std::expected<circuit_breaker_options, std::string> read(std::string_view config) {
        // What the format has for defaults: a count window of 10, every rule off, no back-off, one trial.
        options_.window = fusebox::count_window{10};
        options_.minimum_calls = 1;
        options_.open_multiplier = 1.0;
        options_.open_cap = options_.open_max = fusebox::duration::max();
        options_.open_jitter = 0.0;
        options_.half_open_calls = 1;
        options_.trial_lease = fusebox::duration{0};
        std::istringstream words{std::string(config)};
        for (std::string w; words >> w;) read_word(w);
        if (!concurrency_given_) options_.half_open_concurrency = options_.half_open_calls;
        // The library's slow rule comes with the duration; here it needs its threshold too.
        if (!options_.slow_call_rate_threshold) options_.slow_call_duration.reset();
        if (!options_.consecutive_failures && !options_.failure_rate_threshold && !options_.slow_call_rate_threshold)
            options_.trip_when = [](const fusebox::window_snapshot&) { return false; };
        if (!fault_.empty()) return std::unexpected(fault_);
        return options_;
    }

private:
    void read_word(std::string_view word) {
        const auto equals = word.find('=');
        const std::string_view key = word.substr(0, equals);
        const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
        if (key.starts_with("slow≥"))
            options_.slow_call_duration = seconds(key.substr(std::string_view("slow≥").size()));
        else if (key == "slow>") options_.slow_call_duration = seconds(value);  // slow>=4s
        else if (equals == std::string_view::npos && key.starts_with('C'))
            options_.window = fusebox::count_window{count(key.substr(1))};
        else if (equals == std::string_view::npos && key.starts_with('T')) read_time_window(key.substr(1));
        else if (key == "min") options_.minimum_calls = count(value);
        else if (key == "rate") options_.failure_rate_threshold = number(value);
        else if (key == "consec") options_.consecutive_failures = count(value);
        else if (key == "slowrate") options_.slow_call_rate_threshold = number(value);
        else if (key == "wait") options_.open_for = seconds(value);
        else if (key == "mult") options_.open_multiplier = number(value);
        else if (key == "maxwait") options_.open_cap = seconds(value);
        else if (key == "clamp") read_clamp(value);
        else if (key == "probes") options_.half_open_calls = count(value);
        else if (key == "conc") concurrency_given_ = true, options_.half_open_concurrency = count(value);
        else if (key == "need") options_.half_open_successes = count(value);
        else if (key == "lease") options_.trial_lease = seconds(value);
        else if (key == "init") options_.initial_state = state(value);
        else fault("unknown configuration word '" + std::string(word) + "'");
    }

    void read_time_window(std::string_view text) {
        const std::string_view times = text.find('x') == std::string_view::npos ? "×" : "x";
        const auto at = text.find(times);
        if (at == std::string_view::npos) return fault("a time window is written T20×1s, not T" + std::string(text));
        options_.window = fusebox::time_window{count(text.substr(0, at)), seconds(text.substr(at + times.size()))};
    }

    void read_clamp(std::string_view text) {
        const auto comma = text.find(',');
        if (!text.starts_with('[') || !text.ends_with(']') || comma == std::string_view::npos)
            return fault("a clamp is written clamp=[1,30], not clamp=" + std::string(text));
        options_.open_min = seconds(text.substr(1, comma - 1));
        options_.open_max = seconds(text.substr(comma + 1, text.size() - comma - 2));
    }

    circuit_state state(std::string_view text) {
        static const std::map<std::string_view, circuit_state> states{
            {"CLOSED", circuit_state::closed},           {"OPEN", circuit_state::open},
            {"HALF_OPEN", circuit_state::half_open},     {"DISABLED", circuit_state::disabled},
            {"FORCED_OPEN", circuit_state::forced_open}, {"METRICS_ONLY", circuit_state::metrics_only}};
        if (const auto found = states.find(text); found != states.end()) return found->second;
        fault("unknown state '" + std::string(text) + "'");
        return {};
    }
    double number(std::string_view text) { return take(parse_number(text)); }
    fusebox::duration seconds(std::string_view text) { return take(parse_seconds(text)); }
    std::uint32_t count(std::string_view text) {
        const double value = number(text);  // out of range, or not whole: 0, which no option takes
        return value >= 0 && value <= 4e9 && value == std::floor(value) ? static_cast<std::uint32_t>(value) : 0;
    }
    template <class T>
    T take(std::expected<T, std::string> parsed) {
        if (!parsed) fault(parsed.error());
        return parsed.value_or(T{});
    }
    void fault(std::string what) {
        if (fault_.empty()) fault_ = std::move(what);
    }

    circuit_breaker_options options_;
    bool concurrency_given_ = false;
    std::string fault_;
};

}  // namespace

std::expected<circuit_breaker_options, std::string> parse_config(std::string_view config) {
    return config_reader{}.read(config);
}

}  // namespace vectors
