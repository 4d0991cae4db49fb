// The dashboard as HTML: the breaker's state, buttons, and what came of a call. Works without JavaScript,
// loads nothing from elsewhere, and escapes whatever it did not write itself. Stateless.
#pragma once

#include <fusebox/circuit_snapshot.hpp>
#include <fusebox/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace health_check {

enum class language { english, french };

// By the weights of an Accept-Language header: French only where it is wished for more than English.
language preferred_language(std::string_view accept_language);

// `text` so that it means itself in HTML, in an attribute's quotes too.
std::string escape_html(std::string_view text);

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

fusebox::http::response dashboard_page(const dashboard_view& view, language in);

}  // namespace health_check
