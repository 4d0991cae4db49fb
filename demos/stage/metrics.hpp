// What a service's circuits say to Prometheus, at GET /metrics.
//
// Thread-safety: watch() while nobody asks, so that a circuit may come later on the thread that answers.
#pragma once

#include <fusebox/http/message.hpp>
#include <fusebox/metrics/circuit_metrics.hpp>

#include <vector>

namespace stage {

class circuit_metrics {
public:
    // `circuit` must outlive this.
    void watch(fusebox::circuit_breaker& circuit);
    fusebox::http::response answer() const;

private:
    std::vector<const fusebox::circuit_breaker*> circuits_;
    fusebox::metrics::circuit_history history_;
};

}  // namespace stage
