#include "option_checker.hpp"

#include <fusebox/timeout.hpp>

namespace fusebox {

std::vector<config_error> timeout_options::validate() const {
    detail::option_checker c;
    c.require(limit > duration{0}, "limit", limit, "above 0");
    return c.take();
}

timeout::timeout(const timeout_options& options) : limit_(options.limit) {
    if (auto errors = options.validate(); !errors.empty()) throw configuration_error("timeout", std::move(errors));
}

}  // namespace fusebox
