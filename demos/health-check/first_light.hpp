// The three services in one process, wired to each other, with an outage of the database at hand.
// For one thread, but for what the services do by themselves.
#pragma once

#include <health-check/api_gateway.hpp>
#include <health-check/command_line.hpp>
#include <health-check/database.hpp>
#include <health-check/frontend.hpp>

#include <http/server.hpp>

#include <optional>
#include <stdexcept>
#include <string>

namespace health_check {

// A service that cannot listen. what() tells the user which, why, and what to do.
struct cannot_listen : std::runtime_error {
    using runtime_error::runtime_error;
};

// Starts `routes` where the command line puts `service`; throws cannot_listen.
demo::http::server listen(const command_line& line, const std::string& service, std::uint16_t port,
                          demo::http::routes routes);

// "http://127.0.0.1:5000"
std::string address_of(const command_line& line, const demo::http::server& server);

struct settings {
    database_settings database{};
    api_gateway_settings api_gateway{};  // an empty URL, here and below, means: as started
    frontend_settings frontend{};

    static settings from(environment& env);
};

class first_light {
public:
    // Throws cannot_listen.
    first_light(const command_line& line, settings config, frontend::log_sink log);

    struct addresses {
        std::string database, api_gateway, frontend;
    };
    const addresses& where() const { return where_; }
    frontend& page() { return page_; }

    bool database_runs() const { return database_server_.has_value(); }
    void stop_database() { database_server_.reset(); }
    void start_database();  // at the same address; throws cannot_listen

private:
    // In the order of their calls: the last one is stopped first.
    command_line line_;
    addresses where_{};
    database database_;
    std::optional<demo::http::server> database_server_;
    api_gateway gateway_;
    demo::http::server gateway_server_;
    frontend page_;
    demo::http::server page_server_;
};

}  // namespace health_check
