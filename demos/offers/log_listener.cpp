#include <offers/log_listener.hpp>

#include <fmt/format.h>

#include <array>

namespace offers {

namespace {

struct lines {
    const char* before_call;
    const char* success;
    const char* failure;
    const char* state_change;
};

// English, Portuguese.
constexpr std::array<lines, 2> all_lines{{
    {.before_call = "The circuit is about to make a call.",
     .success = "A call succeeded.",
     .failure = "A call failed.",
     .state_change = "The circuit's state has changed ({})."},
    {.before_call = "Antes do circuito invocar a função.",
     .success = "Quando uma invocação de função é bem-sucedida.",
     .failure = "Quando uma invocação de função levanta uma exceção.",
     .state_change = "Quando o estado do circuito mudou ({})."},
}};

const lines& lines_in(log_language in) {
    return all_lines[static_cast<std::size_t>(in)];
}

constexpr auto heard = fusebox::transition_events |
                       static_cast<fusebox::event_mask>(fusebox::event_kind::call_succeeded) |
                       static_cast<fusebox::event_mask>(fusebox::event_kind::call_failed);

}  // namespace

std::string state_word(fusebox::circuit_state state) {
    return state == fusebox::circuit_state::half_open ? "half-open" : to_string(state);
}

log_listener::log_listener(fusebox::circuit_breaker& circuit, log_language in, log_sink log)
    : in_(in),
      log_(std::move(log)),
      subscription_(circuit.subscribe([this](const fusebox::circuit_event& e) { on(e); }, heard)) {}

void log_listener::before_call() const {
    log_(lines_in(in_).before_call);
}

void log_listener::on(const fusebox::circuit_event& e) const {
    const lines& say = lines_in(in_);
    if (e.is_transition()) log_(fmt::format(fmt::runtime(say.state_change), state_word(e.to)));
    else log_(e.kind == fusebox::event_kind::call_failed ? say.failure : say.success);
}

}  // namespace offers
