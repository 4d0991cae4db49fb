// One line of a log: JSON for machines, or words and key=value for people.
//
// A line is ASCII, whatever is put into it: what is not is written as \uXXXX, bytes that are no UTF-8 as \ufffd. So
// nothing that a client sends can end the line, colour the terminal, or make the JSON invalid.
//
// Thread-safety: none; a value for the stack.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/gateway/configuration.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fusebox::gateway {

enum class log_form : unsigned char { text, json };

// Nanoseconds since 1970.
std::int64_t wall_now() noexcept;

class log_line {
public:
    // Appends to `out`. `wall` as of wall_now().
    log_line(std::string& out, log_form form, std::int64_t wall, log_level level, std::string_view message);
    // Ends the line.
    ~log_line();
    log_line(const log_line&) = delete;
    log_line& operator=(const log_line&) = delete;

    // Texts that are empty are left out.
    log_line& add(std::string_view key, std::string_view value);
    log_line& add(std::string_view key, std::uint64_t value);
    log_line& add(std::string_view key, duration value);  // in seconds

private:
    void begin(std::string_view key);

    std::string& out_;
    const log_form form_;
};

// Appends `text` in quotes, as JSON has it, in ASCII.
void append_quoted(std::string& out, std::string_view text);

const char* to_string(log_level) noexcept;

}  // namespace fusebox::gateway
