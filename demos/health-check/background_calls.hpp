// A visitor who keeps clicking: asks the services again and again, through the gateway, and tells when the kind of
// answer changes. Lives on a loop; from the thread that made it.
#pragma once

#include <stage/event_loop.hpp>

#include <fusebox/http/client.hpp>

#include <functional>
#include <string>

namespace health_check {

class background_calls {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // Asks for the page's Test API and for /api/data, each time. Not before toggle() unless `running`.
    background_calls(stage::event_loop& on, std::string gateway, fusebox::duration every, bool running, log_sink log);

    bool running() const { return calls_.running(); }
    void toggle() { calls_.toggle(); }

private:
    boost::asio::awaitable<void> call();
    void tell(const std::expected<fusebox::http::response, fusebox::http::http_error>& answer);

    const std::string gateway_;
    const log_sink log_;
    fusebox::http::client client_;
    std::string told_;
    stage::repetition calls_;  // the first to end
};

}  // namespace health_check
