// What a browser sees of the make-order-service: its circuits, and a form that places an order. Works without
// JavaScript. Stateless.
#pragma once

#include <stage/page.hpp>

#include <fusebox/circuit_snapshot.hpp>

#include <optional>
#include <string>
#include <vector>

namespace orders {

struct circuit_line {
    std::string service{};
    std::uint32_t threshold = 0;
    std::optional<fusebox::circuit_snapshot> circuit{};  // none while the service was not called
};

// What a click on the form brought.
struct placing {
    int status = 0;
    std::string body{};  // JSON
};

struct make_order_view {
    std::vector<circuit_line> circuits{};
    std::optional<placing> placed{};
};

fusebox::http::response make_order_page(const make_order_view& view, stage::language in);

}  // namespace orders
