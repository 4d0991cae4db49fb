// Variables of the environment in a text of the configuration: ${NAME} and ${NAME:-default}, where the default may
// have such forms itself; $$ is a plain $. Every other form that a shell or Compose has is refused, since a reader
// who knows it would wait for its effect. Private.
#pragma once

#include "config/notation.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#include <string>
#include <string_view>

namespace fusebox::gateway::config {

struct substituted {
    std::string text{};
    std::string variable{};   // the first one that stands in it
    std::string ends_line{};  // one whose value ends with a line end, if there is one
};

// What is wrong, as a sentence without its subject, when it cannot be meant.
reading<substituted> substitute(std::string_view text, const environment& variables);

}  // namespace fusebox::gateway::config
