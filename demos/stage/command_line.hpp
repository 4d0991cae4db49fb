// What a demo is asked to run, and where: one word for a service that is to run alone, and options for addresses.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace stage {

// What a demo consists of.
struct service_port {
    std::string name;                   // "database" makes the option --database-port
    std::optional<std::uint16_t> port;  // unless given; without one it does not listen, and has no option
    bool alone = true;                  // whether it may run by itself, in a container, say
};
using cast = std::vector<service_port>;

// Whether a demo, all of it together, calls itself, and so has the option --no-calls.
enum class own_calls { none, some };

struct command_line {
    std::string run = "all";
    bool help = false;
    bool calls = true;  // whether the demo makes calls by itself, to be watched
    std::string address = "127.0.0.1";
    std::map<std::string, std::uint16_t> ports{};

    std::uint16_t port(const std::string& service) const { return ports.at(service); }
};

// The arguments without the program's name; otherwise a sentence that says what is wrong with them.
std::expected<command_line, std::string> parse_command_line(std::span<char* const> arguments, const cast& services,
                                                            own_calls calls = own_calls::none);

}  // namespace stage
