#include <health-check/background_calls.hpp>

#include <health-check/database.hpp>

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

namespace health_check {

namespace net = boost::asio;

background_calls::background_calls(event_loop& on, std::string gateway, fusebox::duration every, log_sink log)
    : loop_(on), gateway_(std::move(gateway)), every_(every), log_(std::move(log)), client_(on.io().get_executor()) {
    auto done = [this](const std::exception_ptr&) { ended_.set_value(); };
    loop_.run([&] {
        net::co_spawn(loop_.io(), call_on_and_on(), net::bind_cancellation_slot(end_.slot(), std::move(done)));
    });
}

background_calls::~background_calls() {
    loop_.run([this] { end_.emit(net::cancellation_type::all); });
    ended_.get_future().wait();
}

net::awaitable<void> background_calls::call_on_and_on() {
    co_await net::this_coro::throw_if_cancelled(false);
    const request page{"GET", gateway_ + "/test-api"};
    const request data{"GET", gateway_ + "/api/data"};
    for (;;) {
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none) co_return;
        if (!paused_) {
            co_await client_.send(page);  // what comes back is the frontend's business, and in its log
            const auto answer = co_await client_.send(data);
            tell(answer);
        }
        co_await real_pause(every_);
    }
}

void background_calls::tell(const std::expected<response, fusebox::http::http_error>& answer) {
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
