// A customer who orders one pen after the other, and tells when the kind of answer changes. Lives on a loop; from the
// thread that made it.
#pragma once

#include <stage/event_loop.hpp>

#include <fusebox/http/client.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace orders {

class steady_customer {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // Orders nothing before toggle() unless `running`.
    steady_customer(stage::event_loop& on, std::string make_order_url, fusebox::duration every, bool running,
                    log_sink log);

    bool running() const { return orders_.running(); }
    void toggle() { orders_.toggle(); }
    std::uint64_t placed() const { return placed_; }
    std::uint64_t failed() const { return failed_; }

private:
    boost::asio::awaitable<void> order();
    void tell(const fusebox::http::response& answer);

    const std::string url_;
    const log_sink log_;
    fusebox::http::client client_;
    std::atomic<std::uint64_t> placed_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::string told_;
    stage::repetition orders_;  // the first to end
};

}  // namespace orders
