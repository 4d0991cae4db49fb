// What a service of a demo logs, kept.
#pragma once

#include "demo_fixture.hpp"

#include <algorithm>

namespace e2e {

// The lines that a service logged. Thread-safe.
class logbook {
public:
    auto sink() {
        return [this](const std::string& line) {
            const std::lock_guard lock{mutex_};
            lines_.push_back(line);
        };
    }
    std::vector<std::string> lines() const {
        const std::lock_guard lock{mutex_};
        return lines_;
    }
    auto count(const std::string& beginning) const {
        return std::ranges::count_if(lines(), [&](const auto& line) { return line.starts_with(beginning); });
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

}  // namespace e2e
