// The path of a request as routes, limits and balancers compare it: normalised, by the rules of the configuration.
// Private.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <expected>
#include <span>
#include <string_view>

namespace fusebox::gateway {

// Or why it is refused, as a sentence. The path lies in `buffer`, which is as large as `path`, or is `path` itself.
std::expected<std::string_view, std::string_view> request_path(std::string_view path, const path_rules& rules,
                                                               std::span<char> buffer) noexcept;

}  // namespace fusebox::gateway
