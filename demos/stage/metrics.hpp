// What a service's circuits say to Prometheus, at GET /metrics.
//
// Thread-safety: watch() before it is asked; answer() from any thread.
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
