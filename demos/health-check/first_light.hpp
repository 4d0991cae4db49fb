// The three services in one process, wired to each other, with the gateway before them and an outage of the database
// at hand. For one thread, but for what they do by themselves.
#pragma once

#include <health-check/api_gateway.hpp>
#include <health-check/database.hpp>
#include <health-check/front_door.hpp>
#include <health-check/frontend.hpp>
#include <stage/command_line.hpp>
#include <stage/server.hpp>

#include <optional>
#include <string>

namespace health_check {

struct settings {
    database_settings database{};
    api_gateway_settings api_gateway{};  // an empty URL, here and below, means: as started
    frontend_settings frontend{};

    static settings from(stage::environment& env);
};

class first_light {
public:
    // Throws stage::cannot_listen.
    first_light(const stage::command_line& line, settings config, frontend::log_sink log);

    struct addresses {
        std::string database, api_gateway, frontend;
    };
    const addresses& where() const { return where_; }
    frontend& page() { return page_; }
    const front_door& gateway() const { return door_; }
    stage::event_loop& loop() { return loop_; }

    bool database_runs() const { return database_server_.has_value(); }
    void stop_database() { database_server_.reset(); }
    void start_database();  // at the same address; throws stage::cannot_listen

private:
    // In the order of their calls: the last one is stopped first.
    stage::event_loop loop_;
    stage::command_line line_;
    addresses where_{};
    database database_;
    std::optional<stage::server> database_server_;
    api_gateway gateway_;
    stage::server gateway_server_;
    frontend page_;
    stage::server page_server_;
    front_door door_;
};

}  // namespace health_check
