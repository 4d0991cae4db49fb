// The keys of the policies of a route, the circuit breaker apart.
#include "config/table.hpp"
#include "config/values.hpp"

#include "config/document.hpp"
#include "config/near_miss.hpp"

namespace fusebox::gateway::config {

namespace {

constexpr std::uint64_t million = 1'000'000;

// retry_on: a list of words and statuses that fills a struct instead of a vector.
shape_of<retry_conditions> retry_on() {
    using flag = bool retry_conditions::*;
    static constexpr std::pair<std::string_view, flag> words[] = {
        {"connect_failure", &retry_conditions::connect_failure},
        {"reset", &retry_conditions::reset},
        {"timeout", &retry_conditions::timeout}};
    shape one;
    one.type = "connect_failure, reset, timeout, or status";
    one.pattern = "^(connect_failure|reset|timeout|[1-5]xx)$";
    one.least = 100;
    one.most = 599;
    one.read = [](std::string_view text, void* into) -> std::string {
        auto& on = *static_cast<retry_conditions*>(into);
        for (const auto& [word, member] : words)
            if (word == text) return on.*member = true, std::string{};
        if (const auto status = read_status(text)) return on.statuses.push_back(*status), std::string{};
        const std::vector<std::string> known{"connect_failure", "reset", "timeout", "5xx", "503"};
        return in_quotes(text) + " is nothing to retry on" + suggestion(text, known);
    };
    shape_of<retry_conditions> s;
    s.what = shape::kind::list;
    s.type = "list of " + one.type;
    s.element = std::make_shared<shape>(std::move(one));
    s.empty = [](void* on) { *static_cast<retry_conditions*>(on) = {false, false, false, {}}; };
    s.add = [](void* on, const std::string&) { return on; };
    s.texts = [](const void* from) {
        const auto& on = *static_cast<const retry_conditions*>(from);
        std::vector<std::string> all;
        for (const auto& [word, member] : words)
            if (on.*member) all.emplace_back(word);
        for (const auto& range : on.statuses) all.push_back(write_status(range));
        return all;
    };
    return s;
}

shape_of<retry_options> backoff_section() {
    section<retry_options> s{"backoff"};
    s.key("kind", &retry_options::backoff,
          choice<backoff_kind>({{"exponential", backoff_kind::exponential},
                                {"fixed", backoff_kind::fixed},
                                {"decorrelated", backoff_kind::decorrelated}}),
          "How the pause grows.")
        .option("backoff")
        .key("base", &retry_options::base, duration_value(), "The first pause; 0s to try again at once.")
        .key("multiplier", &retry_options::multiplier, number(1, 100), "What each pause is longer than the one before.")
        .key("cap", &retry_options::cap, duration_value(), "The longest pause.")
        .key("jitter", &retry_options::jitter,
             choice<jitter_kind>({{"full", jitter_kind::full}, {"none", jitter_kind::none}}),
             "Whether the pause is drawn at random below its bound.");
    return s.validate([](const retry_options&) { return std::vector<config_error>{}; });  // the retry's validate does
}

shape_of<time_window> throttle_window() {
    static constexpr std::uint32_t buckets = 24;
    return single<time_window>(
        shape::kind::text, "duration", duration_value().pattern,
        [](std::string_view text) -> reading<time_window> {
            const auto length = read_duration(text);
            if (!length) return std::unexpected{length.error()};
            return time_window{buckets, *length / buckets};
        },
        [](const time_window& w) { return write_duration(w.width * w.buckets); });
}

template <class T>
void concurrency_keys(section<T>& s) {
    s.key("initial_limit", &T::initial_limit, integer<std::uint32_t>(1, million), "The limit it starts with.")
        .key("minimum_limit", &T::minimum_limit, integer<std::uint32_t>(1, million), "Never lower.")
        .key("maximum_limit", &T::maximum_limit, integer<std::uint32_t>(1, million), "Never higher.")
        .key("smoothing", &T::smoothing, percentage(), "The weight of the newest estimate.");
}

shape_of<gradient2_options> gradient2_section() {
    section<gradient2_options> s{"gradient2"};
    concurrency_keys(s);
    return s
        .key("queue_size", &gradient2_options::queue_size, integer<std::uint32_t>(1, 10'000), "Calls that may queue.")
        .key("long_window", &gradient2_options::long_window, integer<std::uint32_t>(10, million),
             "Samples of the long average.");
}

shape_of<vegas_options> vegas_section() {
    section<vegas_options> s{"vegas"};
    concurrency_keys(s);
    return s.key("probe_multiplier", &vegas_options::probe_multiplier, integer<std::uint32_t>(1, 10'000),
                 "The shortest round trip is learnt anew after about so many times the limit samples.");
}

}  // namespace

shape_of<route_timeouts> timeout_section() {
    return section<route_timeouts>("timeout")
        .key("total", &route_timeouts::total, duration_or_none(), "The whole call: queues, tries and pauses.")
        .key("per_try", &route_timeouts::per_try, duration_or_none(), "One try. The total, if that is shorter.")
        .key("connect", &route_timeouts::connect, duration_or_none(), "Connecting.")
        .key("first_byte", &route_timeouts::first_byte, duration_or_none(),
             "From the request's last byte to the first of its response.")
        .key("idle", &route_timeouts::idle, duration_or_none(),
             "Between two bytes of a body, or of an upgraded connection.")
        .policy("timeout")
        .validate([](const route_timeouts& t) {
            std::vector<config_error> wrong;
            const std::pair<const char*, duration> all[] = {{"total", t.total},
                                                            {"per_try", t.per_try},
                                                            {"connect", t.connect},
                                                            {"first_byte", t.first_byte},
                                                            {"idle", t.idle}};
            for (const auto& [option, limit] : all)
                if (limit <= duration{0}) wrong.push_back({option, "0s", "must be above 0; write none for no limit"});
            return wrong;
        });
}

shape_of<retry_budget_options> budget_section() {
    return section<retry_budget_options>("retry budget")
        .key("percent", &retry_budget_options::ratio, percentage(), "Extra tries, as a share of the calls.")
        .option("ratio")
        .key("min_per_second", &retry_budget_options::min_per_second, integer<std::uint32_t>(0, million),
             "Extra tries allowed whatever the traffic.")
        .key("window", &retry_budget_options::window, duration_value(), "What both are counted over.");
}

shape_of<retry_configuration> retry_section() {
    using retry = retry_configuration;
    return section<retry>("retry")
        .key(
            "max_attempts", [](auto& r) -> auto& { return r.options.max_attempts; }, integer<std::uint32_t>(1, million),
            "Tries in all, the first included.")
        .key("retry_on", &retry::on, retry_on(), "Which outcomes are worth another try.")
        .key("backoff", &retry::options, backoff_section(), "The pauses between tries.")
        .key(
            "retry_after_max", [](auto& r) -> auto& { return r.options.retry_after_max; }, duration_value(),
            "The longest Retry-After that is waited for.")
        .key("budget", &retry::budget, budget_section(), "How many extra tries all calls together may make.")
        .policy("retry")
        .finish([](retry& r) { r.options.without_budget = !r.budget; })
        .validate([](const retry& r) { return r.options.validate(); });
}

shape_of<bulkhead_options> bulkhead_section() {
    return section<bulkhead_options>("bulkhead")
        .key("max_concurrent", &bulkhead_options::max_concurrent, integer<std::uint32_t>(1, million),
             "Calls at the same time.")
        .key("queue", &bulkhead_options::queue, integer<std::uint32_t>(0, million), "Places for calls that wait.")
        .key("queue_wait", &bulkhead_options::queue_wait, duration_or_none(), "How long they wait.")
        .policy("bulkhead");
}

shape_of<rate_limit_configuration> rate_limit_section() {
    using limit = rate_limit_configuration;
    const auto by_tokens = [](const limit& r) { return r.algorithm == rate_algorithm::token_bucket; };
    const auto by_windows = [](const limit& r) { return r.algorithm != rate_algorithm::token_bucket; };
    return section<limit>("rate limit")
        .key("algorithm", &limit::algorithm,
             choice<rate_algorithm>({{"token_bucket", rate_algorithm::token_bucket},
                                     {"fixed_window", rate_algorithm::fixed_window},
                                     {"sliding_window", rate_algorithm::sliding_window}}),
             "How calls are counted.")
        .key(
            "rate", [](auto& r) -> auto& { return r.bucket.rate; }, number(0.001, 1e6), "token_bucket: calls a second.")
        .only_if(by_tokens)
        .key(
            "burst", [](auto& r) -> auto& { return r.bucket.burst; }, integer<std::uint32_t>(1, million),
            "token_bucket: calls at once after a pause.")
        .only_if(by_tokens)
        .key(
            "limit", [](auto& r) -> auto& { return r.windowed.limit; }, integer<std::uint32_t>(1, million),
            "fixed_window, sliding_window: calls in a window.")
        .only_if(by_windows)
        .key(
            "window", [](auto& r) -> auto& { return r.windowed.window; }, duration_value(),
            "fixed_window, sliding_window: its length.")
        .only_if(by_windows)
        .key(
            "max_wait", [](auto& r) -> auto& { return r.bucket.max_wait; }, duration_value(),
            "How long a call that comes too early may wait; 0s refuses it at once.")
        .key("per", &limit::per, key_of_request(), "A limit for each of these, instead of one for all calls.")
        .key("max_keys", &limit::max_keys, integer<std::uint32_t>(1, 10 * million), "Of them, so many are remembered.")
        .policy("rate_limit")
        .finish([](limit& r) { r.windowed.max_wait = r.bucket.max_wait; })
        .validate([](const limit& r) {
            return r.algorithm == rate_algorithm::token_bucket ? r.bucket.validate() : r.windowed.validate();
        });
}

shape_of<adaptive_limiter_options> adaptive_limit_section() {
    using limit = adaptive_limiter_options;
    return section<limit>("adaptive limit")
        .alternative("gradient2", &limit::algorithm, gradient2_section(), "Follows the round trip's change.")
        .alternative("vegas", &limit::algorithm, vegas_section(), "Follows the estimated queue; instead of gradient2.")
        .key("window", &limit::window, duration_value(), "How long a sample is gathered.")
        .key("minimum_calls", &limit::minimum_calls, integer<std::uint32_t>(1, million), "And of how many calls.")
        .key("drop_threshold", &limit::drop_threshold, percentage(), "Share of failures that lowers the limit.")
        .policy("adaptive_limit");
}

shape_of<throttler_options> throttle_section() {
    return section<throttler_options>("throttle")
        .key("minimum_requests", &throttler_options::minimum_requests, integer<std::uint32_t>(0, 1'000'000),
             "Fewer requests in the window say nothing, and none is refused.")
        .key("multiplier", &throttler_options::multiplier, number(1, 100),
             "Requests let through for each one accepted; lower throttles sooner.")
        .key("window", &throttler_options::window, throttle_window(), "What it remembers.")
        .policy("throttle");
}

shape_of<hedge_options> hedge_section() {
    return section<hedge_options>("hedge")
        .key("delay", &hedge_options::delay, duration_value(), "After which a second try is sent.")
        .key("quantile", &hedge_options::quantile, percentage(), "Or after this quantile of the latencies seen.")
        .key("minimum_samples", &hedge_options::minimum_samples, integer<std::uint32_t>(1, 1024),
             "Latencies that must have been seen for it.")
        .key("max_attempts", &hedge_options::max_attempts, integer<std::uint32_t>(2, hedge_options::most_attempts),
             "Tries in all, the first included.")
        .policy("hedge");
}

shape_of<chaos_configuration> chaos_section() {
    using chaos = chaos_configuration;
    return section<chaos>("chaos")
        .key(
            "enabled", [](auto& c) -> auto& { return c.options.enabled; }, boolean(), "Whether it is active at start.")
        .key(
            "fault_rate", [](auto& c) -> auto& { return c.options.fault_rate; }, percentage(),
            "Share of calls that fail without being made.")
        .key("fault_status", &chaos::fault_status, integer<std::uint16_t>(400, 599), "What they answer.")
        .key(
            "latency_rate", [](auto& c) -> auto& { return c.options.latency_rate; }, percentage(),
            "Share of calls that start late.")
        .key(
            "latency", [](auto& c) -> auto& { return c.options.latency; }, duration_value(), "By how much.")
        .key(
            "expires_after", [](auto& c) -> auto& { return c.options.expires_after; }, duration_or_none(),
            "When it ends by itself.")
        .key(
            "seed", [](auto& c) -> auto& { return c.options.seed; }, integer<std::uint64_t>(0, 9007199254740991),
            "Fixes which calls are hit.")
        .policy("chaos")
        .validate([](const chaos& c) { return c.options.validate(); });
}

shape_of<fallback_configuration> fallback_section() {
    shape_of<fixed_answer> answer =
        section<fixed_answer>("fixed answer")
            .key("status", &fixed_answer::status, integer<std::uint16_t>(200, 599), "Its status.")
            .key("body", &fixed_answer::body, lines(), "Its body.")
            .key("content_type", &fixed_answer::content_type, text(), "Its Content-Type.");
    return section<fallback_configuration>("fallback")
        .key("stale_if_error", &fallback_configuration::stale_if_error, duration_value(),
             "The last good answer, unless it is older.")
        .key("upstream", &fallback_configuration::upstream, text("name of an upstream"),
             "Else another upstream's answer.")
        .key("then", &fallback_configuration::then, std::move(answer), "Else this answer.")
        .policy("fallback")
        .validate([](const fallback_configuration& f) {
            std::vector<config_error> wrong;
            if (!f.stale_if_error && !f.upstream && !f.then)
                wrong.push_back(
                    {"stale_if_error", "unset", "must be set, or upstream, or then: they say what to answer"});
            return wrong;
        });
}

shape_of<cache_options> cache_section() {
    return section<cache_options>("cache")
        .key("ttl", &cache_options::ttl, duration_value(), "How long an answer is fresh.")
        .key("stale_for", &cache_options::stale_for, duration_value(),
             "How much longer it may be given instead of an error.")
        .key("capacity", &cache_options::capacity, integer<std::uint32_t>(1, 100 * million), "Answers kept.")
        .policy("cache");
}

shape_of<outcome_rules> outcomes_section() {
    static constexpr outcome known[] = {outcome::success, outcome::failure, outcome::ignored, outcome::pushback};
    section<outcome_rules> s{"outcomes"};
    const auto add = [&](outcome_class group, const char* doc) {
        shape_of<outcome_rules> one;
        one.what = shape::kind::text;
        one.type = "success, failure, ignored or pushback";
        for (const outcome o : known) one.choices.emplace_back(to_string(o));
        one.read = [group, choices = one.choices](std::string_view text, void* into) -> std::string {
            for (const outcome o : known)
                if (text == to_string(o)) return static_cast<outcome_rules*>(into)->set(group, o), std::string{};
            return in_quotes(text) + " is no outcome" + suggestion(text, choices);
        };
        one.write = [group](const void* from) -> std::string {
            return to_string(static_cast<const outcome_rules*>(from)->of(group));
        };
        s.key(to_string(group), [](auto& rules) -> auto& { return rules; }, std::move(one), doc);
    };
    add(outcome_class::ok, "Any status that is not named below.");
    add(outcome_class::client_error, "4xx, but 429.");
    add(outcome_class::server_error, "5xx.");
    add(outcome_class::too_many, "429.");
    add(outcome_class::name_resolution, "The endpoint's name is not found.");
    add(outcome_class::connect, "No connection: refused, unreachable, or not in time.");
    add(outcome_class::reset, "Closed before the head of a response.");
    add(outcome_class::timeout, "Connected, and no answer in time.");
    add(outcome_class::incomplete, "Closed in the middle of a response.");
    add(outcome_class::protocol, "An answer that is not HTTP, or beyond the limits.");
    return s;
}

}  // namespace fusebox::gateway::config
