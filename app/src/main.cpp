// The command line of `fusebox`. Data goes to the standard output, messages to the standard error.
#include "check_command.hpp"
#include "exit_code.hpp"
#include "serve_commands.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#if defined(FUSEBOX_DEMOS)
#include <demos.hpp>
#endif

#include <CLI/CLI.hpp>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace fusebox::app;

// Examples come first, since they are what one looks for.
class formatter : public CLI::Formatter {
public:
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        const std::string examples = app->get_footer();
        std::string rest = CLI::Formatter::make_help(app, std::move(name), mode);
        if (mode == CLI::AppFormatMode::Sub || examples.empty()) return rest;
        return "Examples:\n" + examples + "\n\n" + rest;
    }
    std::string make_footer(const CLI::App*) const override { return {}; }
};

// https://no-color.org: any value but the empty one turns colours off.
bool wants_colour(bool forbidden) {
    const char* no_color = std::getenv("NO_COLOR");
    return !forbidden && (no_color == nullptr || *no_color == '\0') && ::isatty(STDERR_FILENO) == 1;
}

#if defined(FUSEBOX_DEMOS)
// `words`: a demo's name, or the first demo's without one, and its arguments.
int run_demo(std::vector<std::string> words) {
    const auto all = all_demos();
    const stage::demo* chosen = all.front();
    const bool asks = !words.empty() && (words.front() == "--help" || words.front() == "-h");
    if (asks) {
        std::cout << "Demos:\n";
        for (const auto* d : all)
            std::cout << "  fusebox demo " << std::left << std::setw(17) << d->name << d->about << '\n';
        std::cout << "\nEach has a help of its own: fusebox demo " << chosen->name << " --help\n";
        return ok;
    }
    if (!words.empty() && !words.front().starts_with('-')) {
        const auto found = std::ranges::find(all, words.front(), [](const auto* d) { return std::string(d->name); });
        if (found == all.end()) {
            std::cerr << "fusebox: there is no demo \"" << words.front() << "\"; there are:";
            for (const auto* d : all) std::cerr << ' ' << d->name;
            std::cerr << '\n';
            return wrong_usage;
        }
        chosen = *found;
        words.erase(words.begin());
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return stage::run_program(*chosen, arguments);
}
#endif

}  // namespace

int main(int argc, char** argv) {
    int status = ok;
    CLI::App app{"Circuit breakers, retries, timeouts and bulkheads in front of your services.", "fusebox"};
    app.formatter(std::make_shared<formatter>());
    app.footer(
        "  fusebox proxy --to http://127.0.0.1:9000   protect one service, without a file\n"
        "  fusebox gateway -c fusebox.yaml        serve a configuration\n"
        "  fusebox demo                           see one trip and heal\n"
        "  fusebox check fusebox.yaml             is it valid? what does it mean?\n"
        "  fusebox check --strict --quiet f.yaml  in a pipeline: fails on warnings too\n"
        "  fusebox schema > fusebox.schema.json   for editors");
    app.set_version_flag("--version", "fusebox " FUSEBOX_VERSION);
    app.require_subcommand(1);

    auto* check_command = app.add_subcommand("check", "Validate a configuration, show what is in force, and warn.");
    check_command->footer(
        "  fusebox check fusebox.yaml\n"
        "  fusebox check --strict --quiet fusebox.yaml\n"
        "  envsubst < template.yaml | fusebox check -");
    check_request request;
    bool no_color = false;
    check_command->add_option("FILE", request.file, "The configuration; - for the standard input.")->required();
    check_command->add_flag("--strict", request.strict, "End with status 4 when there are warnings.");
    check_command->add_flag("-q,--quiet", request.quiet, "Print errors and warnings only.");
    check_command->add_flag("--no-color", no_color, "No colours (NO_COLOR does the same).");
    check_command->callback([&] {
        request.colour = wants_colour(no_color);
        status = check(request, std::cout, std::cerr);
    });

    auto* schema = app.add_subcommand("schema", "Print the JSON Schema of configuration files.");
    schema->footer(
        "  fusebox schema > fusebox.schema.json\n"
        "  # and as the first line of fusebox.yaml:\n"
        "  # yaml-language-server: $schema=fusebox.schema.json");
    bool markdown = false;
    schema->add_flag("--markdown", markdown, "Print the reference of docs/configuration.md instead.");
    schema->callback([&] {
        std::cout << (markdown ? fusebox::gateway::configuration_reference()
                               : fusebox::gateway::configuration_schema());
    });

    auto* gateway_command =
        app.add_subcommand("gateway", "Serve a configuration until SIGTERM or SIGINT, which drain.");
    gateway_command->footer("  fusebox gateway -c fusebox.yaml");
    gateway_request served;
    gateway_command->add_option("-c,--config", served.file, "The configuration; - for the standard input.")->required();
    gateway_command->add_option("--workers", served.workers, "Threads that serve; one for each processor if left out.")
        ->check(CLI::Range(1, 256));
    gateway_command->callback([&] { status = serve_gateway(served, std::cerr); });

    auto* proxy_command = app.add_subcommand("proxy", "Protect one service, with the defaults of every policy.");
    proxy_command->footer("  fusebox proxy --listen :8080 --to http://127.0.0.1:9000");
    proxy_request proxied;
    proxy_command->add_option("--listen", proxied.listen, "Where to listen: \":8080\" is every address.")
        ->capture_default_str();
    proxy_command->add_option("--to", proxied.to, "The service: http://host:port")->required();
    proxy_command->add_option("--admin", proxied.admin, "Where the admin port listens.")->capture_default_str();
    proxy_command->add_option("--workers", proxied.workers, "Threads that serve; one for each processor if left out.")
        ->check(CLI::Range(1, 256));
    proxy_command->callback([&] { status = serve_proxy(proxied, std::cerr); });

    auto* healthcheck_command = app.add_subcommand("healthcheck", "Ask a URL once; for HEALTHCHECK in a container.");
    healthcheck_command->footer("  fusebox healthcheck http://127.0.0.1:9901/readyz");
    std::string asked;
    double seconds = 3;
    healthcheck_command->add_option("URL", asked, "http://host:port/path")->required();
    healthcheck_command->add_option("--timeout", seconds, "Seconds to wait for the answer.")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 3600.0));
    healthcheck_command->callback([&] { status = healthcheck(asked, seconds, std::cerr); });

#if defined(FUSEBOX_DEMOS)
    auto* demo_command = app.add_subcommand("demo", "Watch breakers trip and heal, in small systems of services.");
    demo_command->prefix_command()->set_help_flag();  // the options, and the help, are each demo's own
    demo_command->callback([&] { status = run_demo(demo_command->remaining()); });
#endif

    app.add_subcommand("version", "Print the version.")->callback([] { std::cout << "fusebox " FUSEBOX_VERSION "\n"; });

    // CLI11 would only say that a command is missing.
    if (argc > 1 && *argv[1] != '-' && app.get_subcommands([&](auto* c) { return c->check_name(argv[1]); }).empty()) {
        std::cerr << "fusebox: there is no command \"" << argv[1] << "\"; there are:";
        for (const auto* c : app.get_subcommands({})) std::cerr << ' ' << c->get_name();
        std::cerr << "\nRun with --help for more information.\n";
        return wrong_usage;
    }
    try {
        app.parse(argc, argv);
        std::cout.flush();
        if (!std::cout) {
            std::cerr << "fusebox: cannot write to the standard output\n";
            return failed;
        }
        return status;
    } catch (const CLI::ParseError& e) {
        // CLI11 has statuses of its own, 100 and above; ours are documented.
        if (app.exit(e) == 0) return ok;
        return app.got_subcommand(healthcheck_command) ? failed : wrong_usage;  // 2 is not for a HEALTHCHECK to use
    }
}
