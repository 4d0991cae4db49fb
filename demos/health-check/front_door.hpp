// The Fusebox gateway before the services, in the same process: the way in for their clients. Its breaker for the
// api-gateway counts what comes through it; while it is open, /api is answered by a fallback, and everything else of
// the api-gateway with a refusal that explains itself.
//
// For one thread.
#pragma once

#include <health-check/frontend.hpp>
#include <stage/command_line.hpp>
#include <stage/server.hpp>

#include <fusebox/gateway/engine.hpp>
#include <fusebox/http/client.hpp>

#include <functional>
#include <memory>
#include <string>

namespace health_check {

class front_door {
public:
    using log_sink = std::function<void(const std::string& line)>;

    struct services {
        std::uint16_t api_gateway, frontend;  // ports
    };
    // Throws cannot_listen. `log` is told when the gateway's breaker changes its state, as its admin port shows it.
    front_door(stage::event_loop& on, const stage::command_line& line, services behind, const frontend_settings& like,
               log_sink log);
    ~front_door();

    std::string address() const;
    std::string admin_address() const;

private:
    boost::asio::awaitable<void> look();
    void tell(const std::string& snapshot);

    const std::string host_;
    const log_sink log_;
    std::unique_ptr<fusebox::gateway::engine> engine_;
    fusebox::http::client client_;
    std::string told_ = "closed";
    stage::repetition looks_;  // the first to end
};

}  // namespace health_check
