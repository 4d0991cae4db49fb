// Settings from environment variables, checked as they are read. What is not understood is never replaced
// by a default: it is refused, with the variable, its value and what it must be.
#pragma once

#include <fusebox/clock.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace health_check {

class environment {
public:
    // `lookup` answers null for a variable that is not set.
    explicit environment(std::function<const char*(const char*)> lookup);
    static environment of_process();

    double probability(const char* name, double otherwise);
    fusebox::duration seconds(const char* name, fusebox::duration otherwise, fusebox::duration at_least);
    std::uint64_t whole_number(const char* name, std::uint64_t otherwise, std::uint64_t at_least,
                               std::uint64_t at_most);
    std::string url(const char* name, std::string otherwise);

    void refuse(const std::string& sentence) { refused_.push_back(sentence); }
    // "HEALTH_FAIL_RATE=2 must be a number from 0 to 1"; empty when all was understood.
    const std::vector<std::string>& refused() const { return refused_; }

private:
    std::function<const char*(const char*)> lookup_;
    std::vector<std::string> refused_;
};

}  // namespace health_check
