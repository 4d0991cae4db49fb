#include <fusebox/config_error.hpp>

#include <utility>

namespace fusebox {

configuration_error::configuration_error(const std::string& subject, std::vector<config_error> errors)
    : std::invalid_argument([&] {
          std::string all = subject;
          for (const auto& e : errors) all += (&e == &errors.front() ? ": " : "; ") + e.message();
          return all;
      }()),
      errors_(std::move(errors)) {}

}  // namespace fusebox
