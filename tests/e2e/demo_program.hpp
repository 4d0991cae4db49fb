// A demo as a program: how it is started, and where its services are found.
#pragma once

#include "child_program.hpp"
#include "socket_talk.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace e2e {

inline std::vector<std::string> demo_program(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{FUSEBOX_PROGRAM, "demo", name};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// The port in the first address after `name` in what a program printed.
inline std::uint16_t port_after(const std::string& text, const std::string& name) {
    const auto address = text.find("http://127.0.0.1:", text.find(name));
    return address == text.npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoi(text.substr(address + 17)));
}

// Of a service that runs alone, once it does.
inline std::uint16_t port_of_one(child_program& service) {
    EXPECT_TRUE(service.prints(" on http://127.0.0.1:"));
    EXPECT_TRUE(service.prints("\n"));
    return port_after(service.output_so_far(), " on ");
}

// Asks until the answer is as it should be; a circuit has its times.
template <class Condition>
answer eventually(std::uint16_t port, const std::string& path, Condition right) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    answer got = get(port, path);
    while (!right(got) && std::chrono::steady_clock::now() < patience) got = get(port, path);
    EXPECT_TRUE(right(got)) << path << " is answered with\n" << got.head << got.body;
    return got;
}

inline termios fresh_terminal_mode() {
    termios fresh{};
    int ours = -1;
    int theirs = -1;
    EXPECT_EQ(::openpty(&ours, &theirs, nullptr, nullptr, nullptr), 0);
    ::tcgetattr(theirs, &fresh);
    ::close(ours);
    ::close(theirs);
    return fresh;
}

}  // namespace e2e
