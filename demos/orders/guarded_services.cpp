#include <orders/guarded_services.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>

#include <cctype>

namespace orders {

namespace net = boost::asio;
using fusebox::http::http_errc;
using fusebox::http::http_error;

namespace {

constexpr auto longest_trial = std::chrono::seconds{10};  // twice what a request may take

fusebox::circuit_breaker_options options_of(const circuit_setting& s) {
    return {
        .consecutive_failures = s.threshold,
        .open_for = s.cooldown,
        .open_multiplier = 1,  // the same wait after each failed trial
        .open_cap = s.cooldown,
        .open_jitter = 0,
        .open_max = s.cooldown,
        .half_open_calls = 1,
        .trial_lease = longest_trial,
    };
}

// What an answer, or none, says of the service.
struct judge {
    bool counted;
    bool count_http_5xx;

    fusebox::verdict operator()(const std::expected<response, http_error>& answer) const {
        if (!counted || (!answer && answer.error().code == http_errc::bad_request)) return fusebox::verdict::ignored;
        if (!answer) return fusebox::verdict::failure;
        return count_http_5xx ? fusebox::classify_http_status(answer->status) : fusebox::verdict::success;
    }
};

std::string encoded(const std::string& text) {
    std::string out;
    for (const unsigned char c : text)
        out += std::isalnum(c) != 0 || std::string_view("-._~").contains(static_cast<char>(c))
                   ? std::string(1, static_cast<char>(c))
                   : fmt::format("%{:02X}", c);
    return out;
}

request request_of(const std::string& base_url, std::string method, const std::string& path,
                   const request_options& how) {
    std::string url = base_url + path;
    for (std::size_t i = 0; i < how.params.size(); ++i)
        url += fmt::format("{}{}={}", i == 0 ? '?' : '&', encoded(how.params[i].name), encoded(how.params[i].value));
    request made{std::move(method), std::move(url)};
    made.fields = how.headers;
    if (!how.body) return made;
    made.set("Content-Type", "application/json");
    made.body = how.body->dump();
    return made;
}

constexpr std::string_view after_service = "-breaker";

std::string name_of(const std::string& service) {
    return service + std::string(after_service);
}

}  // namespace

response service_failure::as_response() const {
    response r = orders::detail(status, detail);
    if (retry_after > fusebox::duration{0})
        r.set("Retry-After", std::to_string(fusebox::ceil_seconds(retry_after).count()));
    return r;
}

guarded_services::guarded_services(net::any_io_executor on, breaker_settings settings, log_sink log,
                                   const fusebox::monotonic_clock* clock)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      clock_(clock),
      client_(std::move(on)),
      breakers_(options_of(settings_.usual), clock) {
    for (const auto& [service, s] : settings_.of_service) (void)breakers_.configure(name_of(service), options_of(s));
}

net::awaitable<guarded_services::result> guarded_services::request_with_cb(std::string service, std::string base_url,
                                                                           std::string method, std::string path,
                                                                           request_options how) {
    const auto breaker = breaker_of(service);
    fusebox::pipeline guarded{*breaker};
    const request question = request_of(base_url, std::move(method), path, how);
    const auto call = [&] { return client_.send(question, how.timeout); };
    const judge verdict{how.counted, settings_.of(service).count_http_5xx};
    const fusebox::asio::runtime time{clock_};
    auto answer = co_await fusebox::asio::execute(guarded, call, verdict, time);
    if (answer) co_return std::move(*answer);
    if (const auto* why = answer.error().error()) co_return std::unexpected(unreachable(service, *why));
    co_return std::unexpected(refused(service, *breaker, *answer.error().rejected()));
}

std::shared_ptr<fusebox::circuit_breaker> guarded_services::find(const std::string& service) const {
    return breakers_.find(name_of(service));
}

response guarded_services::metrics() const {
    response told = metrics_.answer();
    const std::string end = std::string(after_service) + '"';
    for (auto at = told.body.find(end); at != told.body.npos; at = told.body.find(end, at))
        told.body.erase(at, after_service.size());
    return told;
}

std::shared_ptr<fusebox::circuit_breaker> guarded_services::breaker_of(const std::string& service) {
    if (auto known = find(service)) return known;
    auto made = breakers_.get(name_of(service));
    metrics_.watch(*made);
    return made;
}

service_failure guarded_services::unreachable(const std::string& service, const http_error& why) const {
    service_failure f{.status = 502, .detail = fmt::format("{} unreachable: {}", service, why.message)};
    if (why.code != http_errc::cancelled) log_(f.detail);
    return f;
}

service_failure guarded_services::refused(const std::string& service, const fusebox::circuit_breaker& by,
                                          const fusebox::rejection& why) const {
    const char* reason = by.state() == fusebox::circuit_state::half_open
                             ? "Trial call under way, circuit breaker half open"
                             : "Timeout not elapsed yet, circuit breaker still open";
    service_failure f{.status = 503,
                      .detail = fmt::format("Circuit open for {}: {}", service, reason),
                      .retry_after = why.retry_after,
                      .refused_by_breaker = true};
    log_(f.detail);
    return f;
}

}  // namespace orders
