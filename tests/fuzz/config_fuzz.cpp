// Any bytes as a configuration file: either a configuration, or at least one error in a place that exists. What is
// accepted can be linted, and printed so that it reads back to the same.
#include "oracle.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#include <algorithm>
#include <optional>

namespace gateway = fusebox::gateway;

namespace {

const gateway::environment variables = [](const std::string& name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return name;
};

// Without the comments, which name lines.
std::string values_of(const std::string& printed) {
    std::string out;
    for (std::size_t at = 0; at < printed.size();) {
        const auto end = printed.find('\n', at);
        const auto line = printed.substr(at, end - at);
        out += line.substr(0, line.rfind("  # ")) + "\n";
        at = end + 1;
    }
    return out;
}

void check_errors(const std::string& text, const std::vector<gateway::diagnostic>& errors) {
    fuzz::require(!errors.empty(), "a refusal has a reason");
    const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n')) + 2;
    for (const auto& e : errors) {
        fuzz::require(!e.message.empty(), "an error says something");
        fuzz::require(e.at.line <= lines, "an error's line is there", e.text());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = fuzz::text_of(data, size);
    const auto first = gateway::read_configuration(text, "f", variables);
    if (!first) {
        check_errors(text, first.error());
        return 0;
    }
    for (const auto& warning : gateway::lint(*first)) fuzz::require(warning.is_warning(), "lints only warn");
    if (!first->value.admin.token.empty()) return 0;  // hidden when printed
    const std::string printed = gateway::effective_yaml(*first);
    const auto second = gateway::read_configuration(printed, "f", variables);
    fuzz::require(second.has_value(), "what is printed can be read", printed,
                  second ? "" : second.error().front().text());
    fuzz::require(values_of(gateway::effective_yaml(*second)) == values_of(printed), "and means the same", printed);
    return 0;
}
