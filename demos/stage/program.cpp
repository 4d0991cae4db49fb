#include <stage/program.hpp>

#include <stage/server.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace stage {

int run_program(const demo& what, std::span<char* const> arguments) {
    const auto fail = [&](int status, const std::string& sentence) {
        std::fprintf(stderr, "fusebox demo %s: %s\n", what.name, sentence.c_str());
        return status;
    };
    const auto line = parse_command_line(arguments, what.services, what.calls);
    if (!line) return fail(2, line.error());
    if (line->help) return std::fputs(what.usage, stdout) < 0 ? 1 : 0;
    const keys wanted;
    auto env = environment::of_process();
    if (const auto warning = env.warning(); !warning.empty())
        std::fprintf(stderr, "fusebox demo %s: warning: %s\n", what.name, warning.c_str());
    try {
        what.run(*line, env, wanted);
        return 0;
    } catch (const std::invalid_argument& e) {
        return fail(2, e.what());
    } catch (const cannot_listen& e) {
        return fail(1, e.what());
    }
}

void wait_for_end(const keys& wanted) {
    while (wanted.next(false) != keys::quit) {}
}

}  // namespace stage
