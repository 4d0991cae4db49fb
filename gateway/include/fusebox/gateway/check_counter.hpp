// Active health checks of one endpoint, counted: so many failures in a row take it down, so many passes in a
// row bring it back. The very first check decides alone: until it ends the endpoint is pending.
//
// Thread-safety: none; time is an argument.
#pragma once

#include <fusebox/gateway/endpoint_verdict.hpp>

#include <cstdint>

namespace fusebox::gateway {

struct check_options {
    bool enabled = false;
    std::uint32_t unhealthy_threshold = 3;  // failures in a row that take it down, 1 to 1000
    std::uint32_t healthy_threshold = 2;    // passes in a row that bring it back, 1 to 1000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const check_options&, const check_options&) = default;
};

class check_counter {
public:
    explicit check_counter(bool enabled = false, time_point now = {}) noexcept
        : state_(enabled ? check_state::pending : check_state::off), since_(now) {}

    // A check ended. True when the state changed.
    bool record(bool pass, const check_options& options, time_point now) noexcept;

    check_state state() const noexcept { return state_; }
    time_point since() const noexcept { return since_; }
    std::uint32_t against() const noexcept { return against_; }  // results in a row that contradict the state

private:
    check_state state_;
    time_point since_;
    std::uint32_t against_ = 0;
};

}  // namespace fusebox::gateway
