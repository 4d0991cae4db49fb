#include <health-check/command_line.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <optional>
#include <string_view>

namespace health_check {

const char* const usage =
    R"(Three services over real HTTP, a circuit breaker between them, and the Fusebox gateway before them.

  fusebox-demo-health-check                 all of it, in this terminal
  fusebox-demo-health-check database        one of them: database, api-gateway or frontend
  fusebox-demo-health-check --frontend-port 8080

Options:
  --database-port N      5000 unless given; 0 takes a free one, here and below
  --api-gateway-port N   5001 unless given
  --frontend-port N      5002 unless given
  --gateway-port N       8080 unless given
  --admin-port N         9901 unless given: what the gateway shows of itself
  --bind ADDRESS         where to listen; 127.0.0.1 unless given, 0.0.0.0 for every interface
  --help                 this text

Environment (times in seconds):
  HEALTH_FAIL_RATE 0.2, DATA_FAIL_RATE 0.1                     how often the database fails, 0 to 1
  DATA_LATENCY_MIN 0.1, DATA_LATENCY_MAX 0.5                   how long its data takes
  SEED                                                         the same faults again
  CIRCUIT_FAILURE_THRESHOLD 3, CIRCUIT_RECOVERY_TIMEOUT 20     when a circuit opens, and for how long
  SERVICE_C_URL                    where the gateway finds the database; http://service-c:5000 when it runs alone
  SERVICE_B_URL                    where the frontend finds the gateway; http://service-b:5001 when it runs alone

Signals: INT and TERM end it; USR1 stops the database, and starts it again.
)";

namespace {

std::optional<role> parse_role(std::string_view word) {
    if (word == "all") return role::all;
    if (word == "database") return role::database;
    if (word == "api-gateway") return role::api_gateway;
    if (word == "frontend") return role::frontend;
    return std::nullopt;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failed == std::errc{} && end == text.data() + text.size();
}

bool is_ip_address(const std::string& text) {
    in6_addr ignored;
    return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

std::uint16_t* port_option(command_line& line, std::string_view name) {
    if (name == "--database-port") return &line.database_port;
    if (name == "--api-gateway-port") return &line.api_gateway_port;
    if (name == "--frontend-port") return &line.frontend_port;
    if (name == "--gateway-port") return &line.gateway_port;
    if (name == "--admin-port") return &line.admin_port;
    return nullptr;
}

}  // namespace

std::expected<command_line, std::string> parse_command_line(std::span<char* const> arguments) {
    const auto refuse = [](std::string sentence) { return std::unexpected(std::move(sentence)); };
    command_line line;
    bool has_role = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string given = arguments[i];
        if (given == "--help" || given == "-h") {
            line.help = true;
            return line;
        }
        if (!given.starts_with('-')) {
            const auto run = parse_role(given);
            if (!run) return refuse("'" + given + "' is no service; there are: all, database, api-gateway, frontend");
            if (has_role) return refuse("name one service only; without any, all three run");
            line.run = *run;
            has_role = true;
            continue;
        }
        const auto equals = given.find('=');
        const std::string name = given.substr(0, equals);
        std::uint16_t* const port = port_option(line, name);
        if (!port && name != "--bind") return refuse("there is no option '" + name + "'; --help lists what there is");
        if (equals == given.npos && i + 1 == arguments.size()) return refuse("'" + name + "' needs a value after it");
        const std::string value = equals == given.npos ? arguments[++i] : given.substr(equals + 1);
        if (!port && !is_ip_address(value)) return refuse("'--bind' needs an IP address, not '" + value + "'");
        if (!port) line.address = value;
        else if (!parse_port(value, *port))
            return refuse("'" + name + "' needs a port from 0 to 65535, not '" + value + "'");
    }
    return line;
}

}  // namespace health_check
