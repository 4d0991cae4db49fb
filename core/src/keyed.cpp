#include "option_checker.hpp"

#include <fusebox/keyed.hpp>

namespace fusebox {

std::vector<config_error> keyed_options::validate() const {
    detail::option_checker c;
    c.count("capacity", capacity, 10'000'000);
    return c.take();
}

}  // namespace fusebox
