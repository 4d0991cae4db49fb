// Tells a log what happens at a circuit: before a call, after one that succeeded or failed, and when the state changes.
// In the words of the system's own document, which is in Portuguese: whoever follows it looks for them.
//
// Thread-safety: as the sink's. Must not outlive the circuit.
#pragma once

#include <fusebox/circuit_breaker.hpp>

#include <functional>
#include <string>

namespace offers {

// "closed", "open", "half-open": the state as this service writes it.
std::string state_word(fusebox::circuit_state state);

class log_listener {
public:
    using log_sink = std::function<void(const std::string& line)>;

    log_listener(fusebox::circuit_breaker& circuit, log_sink log);
    log_listener(const log_listener&) = delete;
    log_listener& operator=(const log_listener&) = delete;

    // The circuit tells of calls that have ended. Who makes one tells of its beginning.
    void before_call() const;

private:
    void on(const fusebox::circuit_event& e) const;

    const log_sink log_;
    fusebox::subscription subscription_;  // the first to end
};

}  // namespace offers
