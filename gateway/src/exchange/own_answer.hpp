// Answers that are not the upstream's: refusals, fixed ones, and those that were kept; and what is said in a response
// of how it came about.
//
// Thread-safety: functions of their arguments, of which the thread's scratch texts are.
#pragma once

#include "exchange/exchange_machine.hpp"
#include "exchange/kept_part.hpp"
#include "exchange/request_record.hpp"
#include "exchange/thread_resources.hpp"

#include <fusebox/http/server_connection.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fusebox::gateway {

// A line of Proxy-Status: what the error was, and where the answer in its place is from.
std::string note_fallback(std::string_view pseudonym, const attempt_result& error, std::string_view from);
// Likewise: that there was a race, and who has won it. Empty when there was none.
std::string note_race(std::string_view pseudonym, std::uint32_t winner, std::uint32_t attempts);
// What an answer of ours is made of.
struct own_answer_parts {
    http::server_connection& client;
    thread_resources& thread;
    const route_configuration& route;
    exchange_machine& machine;
    const kept_part& kept;
    request_record& record;
};

// Sends the answer that an action of the machine wants: give_kept, give_fixed or refuse. All but its completion.
void give(const action& a, const own_answer_parts& parts);

}  // namespace fusebox::gateway
