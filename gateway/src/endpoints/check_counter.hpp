// Active health checks of one endpoint, counted: so many failures in a row take it down, so many passes in a
// row bring it back. The very first check decides alone: until it ends the endpoint is pending.
//
// Thread-safety: none; time is an argument.
#pragma once

#include "endpoints/endpoint_verdict.hpp"

#include <fusebox/gateway/upstream_options.hpp>

#include <cstdint>

namespace fusebox::gateway {

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
