// Service A's page: the circuit's state, which renews itself, a link that makes a call, and buttons that break, slow
// down and mend service B. Stateless.
#pragma once

#include <stage/page.hpp>

#include <fusebox/circuit_snapshot.hpp>

#include <array>
#include <string>

namespace fault_injection {

// What service B can be told to do, by its paths, in the order of the buttons.
inline constexpr std::array all_controls{"induce-failure", "remove-failure", "induce-latency", "remove-latency"};

// What became of the last button that was pressed.
struct last_press {
    std::string said{};   // service B's own sentence
    std::string error{};  // why it did not hear of it
};
// From service B's answer, {"message": …}.
last_press done_press(const std::string& answer);
last_press failed_press(std::string why);

struct control_view {
    fusebox::circuit_snapshot circuit{};
    std::uint32_t failure_threshold = 0;
    fusebox::duration recovery_timeout{0};
    last_press last{};
};

fusebox::http::response control_page(const control_view& view, stage::language in);

}  // namespace fault_injection
