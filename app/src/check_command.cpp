#include "check_command.hpp"

#include "exit_code.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace fusebox::app {

namespace {

void print(const gateway::diagnostic& d, bool colour, std::ostream& err) {
    if (!colour) {
        err << d.text() << '\n';
        return;
    }
    const char* shade = d.is_warning() ? "\033[33m" : "\033[31m";
    err << shade << d.text() << "\033[0m\n";
}

std::string counted(std::size_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& name) {
    std::ifstream file;
    if (name != "-") file.open(name, std::ios::binary);
    std::istream& in = name == "-" ? std::cin : file;
    std::string text;
    std::array<char, 16 * 1024> piece;
    while (in.read(piece.data(), piece.size()) || in.gcount() > 0) text.append(piece.data(), std::size_t(in.gcount()));
    // A directory can be opened, and fails only when it is read.
    if (in.bad() || !in.eof()) return std::unexpected{"cannot read " + name + ": " + std::strerror(errno)};
    return text;
}

int check(const check_request& request, std::ostream& out, std::ostream& err) {
    const auto text = read_file(request.file);
    if (!text) {
        err << "fusebox check: " << text.error() << '\n';
        return failed;
    }
    const auto checked = gateway::read_configuration(*text, request.file == "-" ? "stdin" : request.file);
    if (!checked) {
        for (const auto& d : checked.error()) print(d, request.colour, err);
        err << counted(checked.error().size(), "error") << ". The keys are described in docs/configuration.md.\n";
        return wrong_config;
    }
    if (!request.quiet) out << gateway::effective_yaml(*checked);
    const auto warnings = gateway::lint(*checked);
    for (const auto& d : warnings) print(d, request.colour, err);
    if (warnings.empty()) return ok;
    err << counted(warnings.size(), "warning") << (request.strict ? ", which --strict takes for a failure.\n" : ".\n");
    return request.strict ? lint_warnings : ok;
}

}  // namespace fusebox::app
