// Whether an answer that is kept is still the right one: conditions (RFC 9110, section 13) that are put to the origin,
// and those that a client puts to us; and what a 304 makes of the answer (RFC 9111, section 4.3).
//
// Thread-safety: functions of their arguments.
#pragma once

#include "kept/answer_store.hpp"

#include <fusebox/gateway/configuration.hpp>
#include "text/fields.hpp"

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <cstdint>
#include <memory>

namespace fusebox::gateway {

// Those that are put to the origin in the place of the client's.
void add_conditions(const kept_answer& kept, field_sink& lines);

// By the client's conditions it has this answer already: 304 says so.
bool is_known_to(const http::request_head& request, const kept_answer& kept) noexcept;

// The answer as the origin's 304 says that it is now. Null when the 304 is about another answer.
struct freshened_answer {
    std::shared_ptr<const kept_answer> answer;
    bool may_be_kept;
};
freshened_answer freshened(const kept_answer& kept, const cache_request& asked, const http::request_head& request,
                           const http::response_head& unchanged, const route_configuration& route, time_point now);

}  // namespace fusebox::gateway
