#include <fusebox/gateway/configuration_file.hpp>

#include "config/checks.hpp"
#include "config/document.hpp"
#include "config/reader.hpp"
#include "config/table.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace fusebox::gateway {

std::string diagnostic::text() const {
    std::string out = file;
    if (at.line > 0) out += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    out += is_warning() ? ": warning: " : ": error: ";
    if (!path.empty()) out += path + ": ";
    out += message;
    if (is_warning()) out += " [" + lint + "]";
    return out;
}

environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
    };
}

namespace {

// Of what is wrong in one place, only what was found first is of help: the rest follows from it. `known` errors
// were found before the others.
void drop_consequences(std::vector<diagnostic>& errors, std::size_t known) {
    std::set<text_position> places;
    for (std::size_t i = 0; i < known; ++i) places.insert(errors[i].at);
    const auto follows = [&](const diagnostic& d) { return places.contains(d.at); };
    errors.erase(std::remove_if(errors.begin() + std::ptrdiff_t(known), errors.end(), follows), errors.end());
}

}  // namespace

std::expected<checked_configuration, std::vector<diagnostic>> read_configuration(std::string_view text,
                                                                                 std::string_view file,
                                                                                 const environment& variables) {
    std::vector<diagnostic> errors;
    const config::node document = config::read_document(text, file, variables, errors);
    const bool nothing = document.what == config::node::kind::null;
    if (nothing && errors.empty())
        errors.push_back({std::string{file}, {}, "", "is empty; the least is listen, upstreams and routes"});
    if (nothing) return std::unexpected{std::move(errors)};

    const std::size_t in_document = errors.size();
    checked_configuration checked;
    checked.file = file;
    config::file_content content;
    config::reader reader{document, file, errors, checked.origins};
    reader.read(config::table(), &content);
    drop_consequences(errors, in_document);
    const std::size_t in_reading = errors.size();
    checked.unused_policies = reader.unused_policies();
    checked.value = std::move(content.value);
    config::complete(checked);
    config::check(checked, errors);
    drop_consequences(errors, in_reading);
    if (errors.empty()) return checked;
    std::sort(errors.begin(), errors.end(), config::comes_before);
    return std::unexpected{std::move(errors)};
}

}  // namespace fusebox::gateway
