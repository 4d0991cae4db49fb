// What is wrong with options, said the same way of every policy: the option, its value, and what it must be.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace fusebox {

// One thing wrong with a set of options.
struct config_error {
    std::string option;       // "minimum_calls"
    std::string value;        // "6"
    std::string expectation;  // "must be between 1 and the count window's size, 5"

    // "minimum_calls = 6: must be between 1 and the count window's size, 5"
    std::string message() const { return option + " = " + value + ": " + expectation; }
    friend bool operator==(const config_error&, const config_error&) = default;
};

// Thrown by constructors that are given options which validate() refuses.
class configuration_error : public std::invalid_argument {
public:
    configuration_error(const std::string& subject, std::vector<config_error> errors);
    const std::vector<config_error>& errors() const noexcept { return errors_; }

private:
    std::vector<config_error> errors_;
};

}  // namespace fusebox
