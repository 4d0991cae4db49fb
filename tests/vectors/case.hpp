// Behaviour vectors: a circuit breaker's life as one line of text. The format is in README.md.
#pragma once

#include <fusebox/circuit_breaker_options.hpp>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace vectors {

struct test_case {
    std::string id;
    std::string config;
    std::string script;
};

// The cases of a file's text; comments and empty lines are skipped. An error names the line.
std::expected<std::vector<test_case>, std::string> parse_file(std::string_view text);

// The options that a configuration means.
std::expected<fusebox::circuit_breaker_options, std::string> parse_config(std::string_view config);

// "2.5" (seconds) as a duration.
std::expected<fusebox::duration, std::string> parse_seconds(std::string_view text);

// A number, or a sentence that says what is wrong with it.
std::expected<double, std::string> parse_number(std::string_view text);

// Runs a case on a manual clock. Empty when it passes, otherwise the word that failed and what it got.
std::string run(const test_case& c);

}  // namespace vectors
