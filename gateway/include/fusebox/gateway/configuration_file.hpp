// From the text of a configuration file to a configuration, or to everything that is wrong with it.
//
//   auto read = fusebox::gateway::read_configuration(text, "fusebox.yaml");
//   if (!read) for (const auto& d : read.error()) std::cerr << d.text() << '\n';
//
// Pure: no file is opened, and the environment is an argument. The keys are in one table, from which the reader,
// the suggestions, the schema for editors, and the reference in docs/configuration.md are made.
//
// Thread-safety: free functions on their arguments.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

// Counted from 1. Zero for the document as a whole.
struct text_position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    friend auto operator<=>(const text_position&, const text_position&) = default;
};

// One thing wrong with a file, or unwise in it.
struct diagnostic {
    std::string file;
    text_position at;
    std::string path;     // "routes[0].circuit_breaker.window"; empty for the document
    std::string message;  // what is wrong, and how to mend it
    std::string lint{};   // the name of the lint that warns; empty for errors

    bool is_warning() const noexcept { return !lint.empty(); }

    // "fusebox.yaml:12:7: error: routes[0].circuit_breaker.window: …"
    std::string text() const;

    friend bool operator==(const diagnostic&, const diagnostic&) = default;
};

// Where a value was written. What was not written has a default's value, or a preset's.
struct origin {
    text_position at;
    std::string variable{};  // of the environment, when the text came from one
};

// A configuration that was found good, and where its values come from.
struct checked_configuration {
    configuration value;
    std::string file;
    std::map<std::string, origin, std::less<>> origins;  // by path, of everything that was written
    std::vector<std::string> unused_policies;            // their paths
};

// The value of a variable of the environment, or nothing when it is not set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;
environment process_environment();

// The configuration in `text`, or all errors in it, in the order of the text; never both. `file` is its name in
// messages.
std::expected<checked_configuration, std::vector<diagnostic>> read_configuration(
    std::string_view text, std::string_view file, const environment& variables = process_environment());

// What will probably hurt, with the reason and what to write instead. See docs/configuration.md.
std::vector<diagnostic> lint(const checked_configuration& checked);

// The configuration in force, as YAML that can be read again, each value with where it came from. Secrets are hidden.
std::string effective_yaml(const checked_configuration& checked);

// The JSON Schema (draft 7) of configuration files, for editors.
std::string configuration_schema();

// Every key with its type, default and meaning, as Markdown.
std::string configuration_reference();

}  // namespace fusebox::gateway
