// A visitor who keeps clicking: asks the services again and again, through the gateway, and tells when the kind of
// answer changes. Lives on a loop; from the thread that made it.
#pragma once

#include <health-check/service_host.hpp>

#include <fusebox/clock.hpp>
#include <fusebox/http/client.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace health_check {

class background_calls {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // Asks for the page's Test API and for /api/data, each time.
    background_calls(event_loop& on, std::string gateway, fusebox::duration every, log_sink log);
    background_calls(const background_calls&) = delete;
    background_calls& operator=(const background_calls&) = delete;
    ~background_calls();

    bool running() const { return !paused_; }
    void toggle() { paused_ = !paused_; }

private:
    boost::asio::awaitable<void> call_on_and_on();
    void tell(const std::expected<response, fusebox::http::http_error>& answer);

    event_loop& loop_;
    const std::string gateway_;
    const fusebox::duration every_;
    const log_sink log_;
    fusebox::http::client client_;
    boost::asio::cancellation_signal end_;
    std::promise<void> ended_;
    std::atomic<bool> paused_{false};
    std::string told_;
};

}  // namespace health_check
