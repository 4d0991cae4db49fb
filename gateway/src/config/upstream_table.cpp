// The keys of an upstream.
#include "config/table.hpp"
#include "config/values.hpp"
#include "endpoints/maglev.hpp"

#include <fusebox/http/path.hpp>

#include <algorithm>

namespace fusebox::gateway::config {

namespace {

constexpr std::uint64_t most_per_endpoint = 1'000'000;

// Sent as it is written: a path as HTTP has it, and perhaps a query.
bool is_probed_target(std::string_view text) {
    const auto question = std::min(text.find('?'), text.size());
    std::string room(question + 1, '\0');
    const auto in_query = [](unsigned char c) {
        return c > ' ' && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>';
    };
    return http::normalise_path(text.substr(0, question), room) && std::ranges::all_of(text.substr(question), in_query);
}

shape_of<endpoint_configuration> endpoint_section() {
    return section<endpoint_configuration>("endpoint")
        .key("address", &endpoint_configuration::address, address(), "Where it listens: HOST:PORT.")
        .required()
        .key("weight", &endpoint_configuration::weight, integer<std::uint32_t>(1, 1000), "Its share of the calls.")
        .shorthand("address");
}

shape_of<upstream_configuration> load_balancing_section() {
    section<upstream_configuration> s{"load balancing"};
    s.key(
         "algorithm", [](auto& u) -> auto& { return u.options.balance.algorithm; },
         choice<balancing>({{"round_robin", balancing::round_robin},
                            {"least_request", balancing::least_request},
                            {"peak_ewma", balancing::peak_ewma},
                            {"ring_hash", balancing::ring_hash},
                            {"maglev", balancing::maglev},
                            {"random", balancing::random}}),
         "How an endpoint is chosen.")
        .key(
            "decay", [](auto& u) -> auto& { return u.options.balance.ewma_decay; }, duration_value(),
            "peak_ewma: how soon an old latency is forgotten.")
        .option("ewma_decay")
        .key("hash_on", &upstream_configuration::hash_on, key_of_request(),
             "ring_hash, maglev: what goes to the same endpoint.")
        .key(
            "table_size", [](auto& u) -> auto& { return u.options.balance.maglev_size; },
            integer<std::uint32_t>(2, maglev::greatest_size), "maglev: a prime, at least 100 times the endpoints.")
        .option("maglev_size");
    return s.shorthand("algorithm").validate([](const upstream_configuration& u) {
        return u.options.balance.validate();
    });
}

shape_of<std::string> host_or_nothing() {
    auto s = authority();
    s.pattern = "^[^ /?#@]*$";
    s.read = [read = s.read](std::string_view text, void* into) -> std::string {
        if (!text.empty()) return read(text, into);
        static_cast<std::string*>(into)->clear();
        return {};
    };
    return s;
}

shape_of<upstream_configuration> health_check_section() {
    using upstream = upstream_configuration;
    section<upstream> s{"health check"};
    s.key(
         "path", [](auto& u) -> auto& { return u.health_check->path; },
         matching("path", "^/[^ #]*$", is_probed_target,
                  "must begin with / and have no space, no # and no character that is to be escaped"),
         "What is asked for, perhaps with a query.")
        .key(
            "host", [](auto& u) -> auto& { return u.health_check->host; }, host_or_nothing(),
            "The Host; the endpoint's, if empty.")
        .key(
            "interval", [](auto& u) -> auto& { return u.health_check->interval; }, duration_value(),
            "From one check to the next.")
        .key(
            "timeout", [](auto& u) -> auto& { return u.health_check->timeout; }, duration_value(),
            "After which a check has failed.")
        .key(
            "unhealthy_threshold", [](auto& u) -> auto& { return u.options.check.unhealthy_threshold; },
            integer<std::uint32_t>(1, 1000), "Failures in a row that take an endpoint out.")
        .key(
            "healthy_threshold", [](auto& u) -> auto& { return u.options.check.healthy_threshold; },
            integer<std::uint32_t>(1, 1000), "Passes in a row that bring it back.")
        .key(
            "expected", [](auto& u) -> auto& { return u.health_check->expected; }, one_or_many(status()),
            "Statuses that pass.");
    upstream checked;
    checked.health_check.emplace();
    return s.defaults(checked).validate([](const upstream& u) {
        std::vector<config_error> wrong = u.options.check.validate();
        const health_check_configuration& h = *u.health_check;
        if (h.interval < std::chrono::milliseconds{10})
            wrong.push_back({"interval", write_duration(h.interval), "must be at least 10ms"});
        if (h.timeout <= duration{0}) wrong.push_back({"timeout", "0s", "must be above 0"});
        if (h.expected.empty()) wrong.push_back({"expected", "[]", "must have a status: no check would ever pass"});
        return wrong;
    });
}

shape_of<ejection_options> ejection_section() {
    return section<ejection_options>("ejection")
        .key("consecutive_failures", &ejection_options::consecutive_failures,
             integer<std::uint32_t>(1, most_per_endpoint), "Failures in a row that eject an endpoint.")
        .key("failure_rate", &ejection_options::failure_rate, percentage(),
             "Or this share of its calls in an interval.")
        .key("minimum_calls", &ejection_options::minimum_calls, integer<std::uint32_t>(1, most_per_endpoint),
             "Calls that an interval must have for that.")
        .key("interval", &ejection_options::interval, duration_value(), "Its length.")
        .key("base", &ejection_options::base, duration_value(), "How long the first ejection lasts.")
        .key("multiplier", &ejection_options::multiplier, number(1, 100), "Each in a row lasts so much longer.")
        .key("cap", &ejection_options::cap, duration_value(), "But never longer than this.")
        .key("trial_lease", &ejection_options::trial_lease, duration_value(),
             "A trial call that takes longer counts as failed.");
}

shape_of<connection_limits> connections_section() {
    return section<connection_limits>("connections")
        .key("max_per_endpoint", &connection_limits::max_per_endpoint, integer<std::uint32_t>(1, most_per_endpoint),
             "In use to one endpoint at the same time, by all threads.")
        .key("keep_alive_idle", &connection_limits::keep_alive_idle, duration_or_none(),
             "How long an unused one is kept; shorter than the upstream keeps it.");
}

shape_of<expectation> expected_section() {
    return section<expectation>("expectation")
        .key("rate", &expectation::rate, number(0.001, 1e9), "Requests a second.")
        .key("latency", &expectation::latency, duration_value(), "Of a usual request.")
        .key("deployment", &expectation::deployment, duration_value(), "From its stop until it is warm again.");
}

}  // namespace

shape_of<std::vector<upstream_configuration>> upstreams_map() {
    using upstream = upstream_configuration;
    const auto itself = [](auto& u) -> auto& { return u; };
    section<upstream> s{"upstream"};
    s.key("endpoints", &upstream::endpoints, list_of(endpoint_section()), "Where its copies listen.").required();
    s.key("load_balancing", itself, load_balancing_section(), "How one of them is chosen.");
    s.key("health_check", itself, health_check_section(), "Asks them whether they are well.")
        .can_be_off([](upstream& u) { u.health_check.reset(); }, [](const upstream& u) { return !u.health_check; })
        .made_by([](upstream& u) {
            if (!u.health_check) u.health_check.emplace();
            u.options.check.enabled = true;
        });
    s.key(
         "ejection", [](auto& u) -> auto& { return u.options.ejection; }, ejection_section(),
         "Takes out an endpoint whose answers are bad.")
        .can_be_off([](upstream& u) { u.options.ejection.consecutive_failures.reset(); },
                    [](const upstream& u) {
                        return !u.options.ejection.consecutive_failures && !u.options.ejection.failure_rate;
                    });
    s.key(
         "slow_start", [](auto& u) -> auto& { return u.options.verdict.slow_start; }, duration_value(),
         "How long the share of an endpoint grows that comes back; 0s gives it all at once.")
        .key(
            "slow_start_floor", [](auto& u) -> auto& { return u.options.verdict.slow_start_floor; }, percentage(),
            "The share it begins with.")
        .key(
            "min_available", [](auto& u) -> auto& { return u.options.verdict.min_available; },
            integer<std::uint32_t>(0, 10'000), "Endpoints that ejection leaves in.")
        .key(
            "min_available_share", [](auto& u) -> auto& { return u.options.verdict.min_available_share; }, percentage(),
            "Or this share of them, whichever is more.")
        .key(
            "panic", [](auto& u) -> auto& { return u.options.verdict.panic; },
            choice<panic_mode>({{"refuse", panic_mode::refuse}, {"route_all", panic_mode::route_all}}),
            "What to do when even so too few are available: refuse, or try them all.")
        .key(
            "initial_state", [](auto& u) -> auto& { return u.options.verdict.initial; },
            choice<initial_state>({{"warming", initial_state::warming}, {"up", initial_state::up}}),
            "Before its first check an endpoint waits while others are up (warming), or not (up).");
    s.key("connections", &upstream::connections, connections_section(), "Limits of its connections.")
        .key("bulkhead", &upstream::bulkhead, bulkhead_section(), "So many calls of all its routes at the same time.")
        .key("rate_limit", &upstream::rate_limit, rate_limit_section(),
             "So many calls of all its routes in so much time.")
        .key("adaptive_limit", &upstream::adaptive_limit, adaptive_limit_section(),
             "A bulkhead of all its routes that finds its own size.")
        .key("throttle", &upstream::throttle, throttle_section(),
             "Fewer calls of all its routes, the more of them are refused.")
        .key("retry_budget", &upstream::retry_budget, budget_section(),
             "How many extra tries all its routes together may make, instead of a budget for each.")
        .key("expected", &upstream::expected, expected_section(), "What is known of it. Only the lints use this.");
    s.validate([](const upstream& u) {
        std::vector<config_error> wrong = u.options.verdict.validate();
        if (u.endpoints.empty()) wrong.push_back({"endpoints", "[]", "must have an endpoint"});
        return wrong;
    });
    return map_of(&upstream::name, itself, shape_of<upstream>(s));
}

}  // namespace fusebox::gateway::config
