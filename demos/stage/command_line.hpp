// What the program is asked to run, and where.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <stdexcept>
#include <string>

namespace health_check {

enum class role { all, database, api_gateway, frontend };

struct command_line {
    role run = role::all;
    bool help = false;
    std::string address = "127.0.0.1";
    std::uint16_t database_port = 5000;
    std::uint16_t api_gateway_port = 5001;
    std::uint16_t frontend_port = 5002;
    std::uint16_t gateway_port = 8080;
    std::uint16_t admin_port = 9901;
};

// The arguments without the program's name; otherwise a sentence that says what is wrong with them.
std::expected<command_line, std::string> parse_command_line(std::span<char* const> arguments);

extern const char* const usage;

// A service that cannot listen. what() tells the user which, why, and what to do.
struct cannot_listen : std::runtime_error {
    using runtime_error::runtime_error;
};

}  // namespace health_check
