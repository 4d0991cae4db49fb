#include "messages/request_notes.hpp"

#include <algorithm>

namespace fusebox::gateway {

namespace {

// What a request says of itself, for others to know it by.
struct said_names {
    std::string_view id{};
    std::string_view parent{};
    unsigned parents = 0;
    unsigned state_members = 0;
    bool state_valid = true;
};

said_names names_in(const http::request_head& head) noexcept {
    said_names said;
    for (std::size_t i = 0; i < head.count(); ++i) {
        switch (head.id(i)) {
            case http::field_id::x_request_id:
                if (said.id.empty()) said.id = head.value(i);
                break;
            case http::field_id::traceparent:
                ++said.parents;
                said.parent = head.value(i);
                break;
            case http::field_id::tracestate:
                said.state_valid = said.state_valid && valid_trace_state(head.value(i), said.state_members);
                break;
            default: break;
        }
    }
    return said;
}

}  // namespace

void request_notes::begin(const http::request_head* head, splitmix64& random, time_point now) noexcept {
    began = now;
    answered.reset();
    response_bytes = 0;
    tries = hedges = 0;
    status = 0;
    method = head != nullptr ? head->method() : http::method_id::other;
    what.reset();
    const said_names said = head != nullptr ? names_in(*head) : said_names{};
    // Of two parents neither is believed.
    const auto parent = said.parents == 1 ? parse_trace_parent(said.parent) : std::nullopt;
    trace = parent ? *parent : new_trace(false, {random.next(), random.next(), random.next()});
    keeps_trace_state = parent && said.state_valid;
    if (valid_request_id(said.id)) {
        id_size = said.id.size();
        std::ranges::copy(said.id, id.begin());
    } else {
        const auto made = new_request_id(random.next(), random.next());
        id_size = made.size();
        std::ranges::copy(made, id.begin());
    }
}

}  // namespace fusebox::gateway
