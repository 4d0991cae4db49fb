#include <stage/command_line.hpp>

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>
#include <string_view>

namespace stage {

namespace {

bool parse_port(std::string_view text, std::uint16_t& port) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failed == std::errc{} && end == text.data() + text.size();
}

bool is_ip_address(const std::string& text) {
    in6_addr ignored;
    return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

bool can_run(const std::string& name, const cast& services) {
    return name == "all" ||
           std::ranges::any_of(services, [&](const service_port& s) { return s.alone && s.name == name; });
}

std::string all_that_run(const cast& services) {
    std::string names = "all";
    for (const auto& s : services)
        if (s.alone) names += ", " + s.name;
    return names;
}

// "--database-port": the port of the database; null for another option.
std::uint16_t* port_option(command_line& line, std::string_view name) {
    constexpr std::string_view before = "--", after = "-port";
    if (!name.starts_with(before) || !name.ends_with(after) || name.size() < before.size() + after.size())
        return nullptr;
    name.remove_prefix(before.size());
    name.remove_suffix(after.size());
    const auto found = line.ports.find(std::string(name));
    return found == line.ports.end() ? nullptr : &found->second;
}

}  // namespace

std::expected<command_line, std::string> parse_command_line(std::span<char* const> arguments, const cast& services,
                                                            own_calls calls) {
    const auto refuse = [](std::string sentence) { return std::unexpected(std::move(sentence)); };
    command_line line;
    for (const auto& s : services)
        if (s.port) line.ports.emplace(s.name, *s.port);
    bool has_service = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string given = arguments[i];
        if (given == "--help" || given == "-h") {
            line.help = true;
            return line;
        }
        if (!given.starts_with('-')) {
            if (!can_run(given, services))
                return refuse("'" + given + "' is no service; there are: " + all_that_run(services));
            if (has_service) return refuse("name one service only; without any, all of them run");
            line.run = given;
            has_service = true;
            continue;
        }
        if (given == "--no-calls" && calls == own_calls::some) {
            line.calls = false;
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
    if (has_service && line.run != "all" && !line.calls)
        return refuse("'--no-calls' is for all services together; one alone makes no calls by itself");
    return line;
}

}  // namespace stage
