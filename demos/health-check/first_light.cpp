#include <health-check/first_light.hpp>

#include <fmt/format.h>

#include <utility>

namespace health_check {

server listen(event_loop& on, const command_line& line, const std::string& service, std::uint16_t port, routes served) {
    auto started = server::listen(on, line.address, port, std::move(served));
    if (started) return std::move(*started);
    const auto& why = started.error();
    const int another = port < 60000 ? port + 1000 : port - 1000;
    const std::string remedy = why.address_in_use
                                   ? fmt::format("end that program, or move with --{}-port {}", service, another)
                                   : fmt::format("choose another with --bind or --{}-port", service);
    throw cannot_listen{fmt::format("cannot start the {}: {}; {}", service, why.message, remedy)};
}

std::string address_of(std::string host, std::uint16_t port) {
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    return fmt::format(fmt::runtime(host.contains(':') ? "http://[{}]:{}" : "http://{}:{}"), host, port);
}

settings settings::from(environment& env) {
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

first_light::first_light(const command_line& line, settings config, frontend::log_sink log)
    : line_(line),
      database_(config.database),
      database_server_(listen(loop_, line_, "database", line_.database_port, database_.routes())),
      gateway_(loop_.io().get_executor(),
               calling(config.api_gateway, where_.database = address_of(line_.address, database_server_->port()))),
      gateway_server_(listen(loop_, line_, "api-gateway", line_.api_gateway_port, gateway_.routes())),
      page_(loop_.io().get_executor(),
            calling(config.frontend, where_.api_gateway = address_of(line_.address, gateway_server_.port())), log),
      page_server_(listen(loop_, line_, "frontend", line_.frontend_port, page_.routes())),
      door_(loop_, line_, {gateway_server_.port(), page_server_.port()}, config.frontend, log) {
    where_.frontend = address_of(line_.address, page_server_.port());
    line_.database_port = database_server_->port();
}

void first_light::start_database() {
    database_server_.emplace(listen(loop_, line_, "database", line_.database_port, database_.routes()));
}

}  // namespace health_check
