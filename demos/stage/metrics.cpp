#include <stage/metrics.hpp>

namespace stage {

void circuit_metrics::watch(fusebox::circuit_breaker& circuit) {
    circuits_.push_back(&circuit);
    history_.watch(circuit);
}

fusebox::http::response circuit_metrics::answer() const {
    fusebox::metrics::exposition out;
    fusebox::metrics::expose_circuits(out, circuits_);
    history_.expose(out);
    return {200, out.take(), "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace stage
