#include "exchange/repetition.hpp"

#include <algorithm>

namespace fusebox::gateway {

bool is_worth_another(const attempt_report& r, const retry_conditions& on) noexcept {
    const auto status = static_cast<unsigned>(r.status);
    if (!r.what) return std::ranges::any_of(on.statuses, [&](const status_range& s) { return s.contains(status); });
    switch (row_of(*r.what).group) {
        case outcome_class::connect:
        case outcome_class::name_resolution: return on.connect_failure;
        case outcome_class::timeout: return on.timeout;
        case outcome_class::reset:
        case outcome_class::race: return on.reset;
        default: return false;
    }
}

}  // namespace fusebox::gateway
