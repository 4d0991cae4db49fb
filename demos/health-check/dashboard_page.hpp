// The frontend's pages: the breaker's state, buttons, and what came of a call. Stateless.
#pragma once

#include <stage/page.hpp>

#include <fusebox/circuit_snapshot.hpp>

#include <optional>
#include <string>

namespace health_check {

enum class page_kind {
    overview,  // refreshes itself every 5 seconds
    result,    // of a call that a button made; stays
};

// What a call brought: neither is set on the overview.
struct call_outcome {
    std::optional<std::string> data{};
    std::optional<std::string> error{};
};

struct dashboard_view {
    page_kind kind = page_kind::overview;
    fusebox::circuit_snapshot circuit{};
    std::uint32_t failure_threshold = 0;
    call_outcome outcome{};
};

fusebox::http::response dashboard_page(const dashboard_view& view, stage::language in);

}  // namespace health_check
