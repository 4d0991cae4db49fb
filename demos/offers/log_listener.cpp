#include <offers/log_listener.hpp>

#include <fmt/format.h>

namespace offers {

namespace {

constexpr auto heard = fusebox::transition_events |
                       static_cast<fusebox::event_mask>(fusebox::event_kind::call_succeeded) |
                       static_cast<fusebox::event_mask>(fusebox::event_kind::call_failed);

}  // namespace

std::string state_word(fusebox::circuit_state state) {
    return state == fusebox::circuit_state::half_open ? "half-open" : to_string(state);
}

log_listener::log_listener(fusebox::circuit_breaker& circuit, log_sink log)
    : log_(std::move(log)),
      subscription_(circuit.subscribe([this](const fusebox::circuit_event& e) { on(e); }, heard)) {}

void log_listener::before_call() const {
    log_("Antes do circuito invocar a função.");
}

void log_listener::on(const fusebox::circuit_event& e) const {
    if (e.is_transition()) return log_(fmt::format("Quando o estado do circuito mudou ({}).", state_word(e.to)));
    log_(e.kind == fusebox::event_kind::call_failed ? "Quando uma invocação de função levanta uma exceção."
                                                    : "Quando uma invocação de função é bem-sucedida.");
}

}  // namespace offers
