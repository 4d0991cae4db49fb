#include <health-check/front_door.hpp>

#include <stage/transition_line.hpp>

#include <fusebox/gateway/configuration_file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace health_check {

namespace net = boost::asio;
namespace gateway = fusebox::gateway;

namespace {

constexpr auto look_again = std::chrono::milliseconds{100};

// What `fusebox gateway -c` would be given.
std::string configuration_of(const stage::command_line& line, front_door::services behind,
                             const frontend_settings& like) {
    const auto open_for = std::chrono::duration_cast<std::chrono::milliseconds>(like.recovery_timeout).count();
    return fmt::format(R"(
listen: "{host}:{port}"
admin: "127.0.0.1:{admin}"
drain_timeout: 200ms
access_log: none   # the terminal is the demo's
log_level: error
upstreams:
  api-gateway: {{ endpoints: ["{host}:{api_gateway}"] }}
  frontend: {{ endpoints: ["{host}:{frontend}"] }}
policies:
  circuit_breaker:
    same_wait: {{ scope: upstream, consecutive_failures: {failures}, open_for: {wait}ms, open_multiplier: 1, open_cap: {wait}ms, open_jitter: 0%, open_max: {wait}ms, half_open_calls: 1 }}
routes:
  - match: {{ path_prefix: /api }}
    upstream: api-gateway
    retry: none
    circuit_breaker: same_wait
    fallback: {{ then: {{ status: 200, content_type: application/json, body: '{{"data":[],"source":"fallback"}}' }} }}
  - match: {{ path: /ready }}
    upstream: api-gateway
    retry: none
    circuit_breaker: same_wait
  - match: {{ path_prefix: / }}
    upstream: frontend
    retry: none
)",
                       fmt::arg("host", line.address.contains(':') ? "[" + line.address + "]" : line.address),
                       fmt::arg("port", line.port("gateway")), fmt::arg("admin", line.port("admin")),
                       fmt::arg("api_gateway", behind.api_gateway), fmt::arg("frontend", behind.frontend),
                       fmt::arg("failures", like.failure_threshold), fmt::arg("wait", open_for));
}

std::unique_ptr<gateway::engine> start(const std::string& file) {
    const auto refuse = [](const std::string& why) -> stage::cannot_listen {
        return stage::cannot_listen{"cannot start the gateway: " + why};
    };
    const auto checked = gateway::read_configuration(file, "demo");
    if (!checked) throw refuse(checked.error().front().text());
    auto made = gateway::engine::make(checked->value, {.workers = 2});
    if (!made) throw refuse(made.error().front().message());
    if (const auto failed = (*made)->start())
        throw refuse(*failed + "; end the program that has it, or move with --gateway-port and --admin-port");
    return std::move(*made);
}

}  // namespace

front_door::front_door(stage::event_loop& on, const stage::command_line& line, services behind,
                       const frontend_settings& like, log_sink log)
    : host_(line.address),
      log_(std::move(log)),
      engine_(start(configuration_of(line, behind, like))),
      client_(on.io().get_executor()),
      looks_(on, look_again, [this] { return look(); }) {}

front_door::~front_door() {
    engine_->stop();
}

std::string front_door::address() const {
    return stage::address_of(host_, engine_->port());
}

std::string front_door::admin_address() const {
    return stage::address_of("127.0.0.1", engine_->admin_port());
}

net::awaitable<void> front_door::look() {
    const request snapshot{"GET", admin_address() + "/api/v1/snapshot"};
    const auto answer = co_await client_.send(snapshot);
    if (answer && answer->status == 200) tell(answer->body);
}

void front_door::tell(const std::string& snapshot) {
    const auto all = nlohmann::json::parse(snapshot, nullptr, false);
    if (all.is_discarded()) return;
    for (const auto& breaker : all.value("breakers", nlohmann::json::array())) {
        if (breaker.value("name", "") != "api-gateway" || breaker.value("state", "") == told_) continue;
        const std::string now = breaker.value("state", "");
        log_(fmt::format("gateway: the circuit to the api-gateway is {} (it was {})", stage::shouted(now),
                         stage::shouted(told_)));
        told_ = now;
    }
}

}  // namespace health_check
