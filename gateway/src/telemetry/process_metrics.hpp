// The process as Prometheus' client libraries show it: process_*, and fusebox_build_info. Linux only.
//
// Thread-safety: any.
#pragma once

#include <fusebox/metrics/exposition.hpp>

namespace fusebox::gateway {

void expose_process(metrics::exposition& out);

}  // namespace fusebox::gateway
