#include "option_checker.hpp"

#include <fusebox/cache.hpp>

namespace fusebox {

std::vector<config_error> cache_options::validate() const {
    detail::option_checker c;
    c.count("capacity", capacity, 100'000'000);
    c.require(ttl > duration{0}, "ttl", ttl, "above 0");
    c.require(stale_for >= duration{0}, "stale_for", stale_for, "at least 0");
    return c.take();
}

}  // namespace fusebox
