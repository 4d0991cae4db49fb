#include <health-check/background_calls.hpp>

#include <fmt/format.h>

namespace health_check {

namespace net = boost::asio;
using fusebox::http::request;

background_calls::background_calls(stage::event_loop& on, std::string gateway, fusebox::duration every, bool running,
                                   log_sink log)
    : gateway_(std::move(gateway)),
      log_(std::move(log)),
      client_(on.io().get_executor()),
      calls_(on, every, [this] { return call(); }, running) {}

net::awaitable<void> background_calls::call() {
    const request page{"GET", gateway_ + "/test-api"};
    const request data{"GET", gateway_ + "/api/data"};
    co_await client_.send(page);  // what comes back is the frontend's business, and in its log
    const auto answer = co_await client_.send(data);
    tell(answer);
}

void background_calls::tell(const std::expected<fusebox::http::response, fusebox::http::http_error>& answer) {
    std::string now;
    if (!answer && answer.error().code == fusebox::http::http_errc::cancelled) return;
    if (!answer) now = answer.error().message;
    else if (answer->body.contains("\"fallback\"")) now = fmt::format("{}, the gateway's fallback", answer->status);
    else if (answer->get("Proxy-Status").empty()) now = fmt::format("{}, the service's own", answer->status);
    else now = fmt::format("{}, Proxy-Status: {}", answer->status, answer->get("Proxy-Status"));
    if (now == told_) return;
    told_ = now;
    log_("GET gateway/api/data is answered with " + now);
}

}  // namespace health_check
