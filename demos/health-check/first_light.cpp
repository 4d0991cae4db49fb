#include <health-check/first_light.hpp>

#include <utility>

namespace health_check {

settings settings::from(stage::environment& env) {
    return {.database = database_settings::from(env),
            .api_gateway = api_gateway_settings::from(env, ""),
            .frontend = frontend_settings::from(env, "")};
}

namespace {

api_gateway_settings calling(api_gateway_settings s, const std::string& database) {
    if (s.service_c_url.empty()) s.service_c_url = database;
    return s;
}

frontend_settings calling(frontend_settings s, const std::string& gateway) {
    if (s.service_b_url.empty()) s.service_b_url = gateway;
    return s;
}

}  // namespace

first_light::first_light(const stage::command_line& line, settings config, frontend::log_sink log)
    : line_(line),
      database_(config.database),
      database_server_(stage::listen(loop_, line_, "database", database_.routes())),
      gateway_(loop_.io().get_executor(), calling(config.api_gateway, where_.database = stage::address_of(
                                                                          line_.address, database_server_->port()))),
      gateway_server_(stage::listen(loop_, line_, "api-gateway", gateway_.routes())),
      page_(loop_.io().get_executor(),
            calling(config.frontend, where_.api_gateway = stage::address_of(line_.address, gateway_server_.port())),
            log),
      page_server_(stage::listen(loop_, line_, "frontend", page_.routes())),
      door_(loop_, line_, {gateway_server_.port(), page_server_.port()}, config.frontend, log) {
    where_.frontend = stage::address_of(line_.address, page_server_.port());
    line_.ports["database"] = database_server_->port();
}

void first_light::start_database() {
    database_server_.emplace(stage::listen(loop_, line_, "database", database_.routes()));
}

}  // namespace health_check
