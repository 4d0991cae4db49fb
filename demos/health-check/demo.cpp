#include <health-check/program.hpp>

#include <health-check/background_calls.hpp>
#include <health-check/console.hpp>
#include <health-check/first_light.hpp>
#include <health-check/transition_line.hpp>
#include <health-check/wishes.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <cstdio>

namespace health_check {

namespace {

constexpr auto call_every = std::chrono::milliseconds{500};

// What a transition means, for somebody who sees it for the first time.
std::string explain(const fusebox::circuit_event& e, std::uint64_t refused) {
    if (e.to == fusebox::circuit_state::open)
        return fmt::format("calls are refused at once, none reaches the gateway; trial in {} s",
                           fusebox::ceil_seconds(e.retry_after).count());
    if (e.to == fusebox::circuit_state::half_open)
        return fmt::format("one trial call goes through ({} calls refused so far)", refused);
    return "the trial call succeeded: all calls go through again";
}

fusebox::subscription log_transitions(frontend& page, console& screen, bool explained) {
    return page.breaker().subscribe(
        [&page, &screen, explained](const fusebox::circuit_event& e) {
            screen.print(transition_line(e, screen.is_interactive()));
            if (explained) screen.print("   " + explain(e, page.breaker().snapshot().totals.rejected));
        },
        fusebox::transition_events);
}

std::string introduction(first_light& demo, const console& screen) {
    const auto& at = demo.where();
    const auto breaker = demo.page().breaker().options();
    const auto failures = breaker->consecutive_failures.value_or(0);
    const double wait = std::chrono::duration<double>(breaker->open_for).count();
    const bool keys = screen.is_interactive();
    const std::string toggle = keys ? "s" : fmt::format("kill -USR1 {}", ::getpid());
    const std::string quit = keys ? "q" : fmt::format("kill -TERM {}", ::getpid());
    return fmt::format(
               "First light: three services, a circuit breaker between the first two, and a gateway before them.\n\n"
               "  frontend     {}   the page, for a browser\n"
               "  api-gateway  {}   /health /ready /api/data\n"
               "  database     {}   /health /data; fails at random\n"
               "  gateway      {}   Fusebox: the way in to the first two; try curl -i {}/ready\n"
               "  its admin    {}/api/v1/snapshot\n\n"
               "Test API and /api/data are called twice a second, by the gateway. What to try:\n\n",
               at.frontend, at.api_gateway, at.database, demo.gateway().address(), demo.gateway().address(),
               demo.gateway().admin_address()) +
           fmt::format(
               "  {0}  stop the database: after {1} failures each circuit refuses calls for {2:g} s\n"
               "  {0}  start it again: the next trial call then closes it\n",
               toggle, failures, wait) +
           (keys ? "  t  pause the calls, or go on with them\n" : "") +
           fmt::format("  {}  quit{}\n\n", quit, keys ? ", as does Ctrl-C" : "");
}

std::string status_line(first_light& demo, const background_calls& calls) {
    const auto circuit = demo.page().breaker().snapshot();
    const auto threshold = demo.page().breaker().options()->consecutive_failures.value_or(0);
    std::string state =
        fmt::format("{} {}/{}", shouted(to_string(circuit.state)), circuit.consecutive_failures, threshold);
    if (circuit.state == fusebox::circuit_state::open)
        state += fmt::format(", trial in {} s", fusebox::ceil_seconds(circuit.retry_after).count());
    return fmt::format("{} | database {} | calls {} | ok {} | failed {} | refused {}", state,
                       demo.database_runs() ? "up" : "DOWN", calls.running() ? "on" : "paused",
                       circuit.totals.successes, circuit.totals.failures, circuit.totals.rejected);
}

void toggle_database(first_light& demo, console& screen) {
    if (demo.database_runs()) {
        demo.stop_database();
        screen.print("database stopped");
        return;
    }
    try {
        demo.start_database();
        screen.print("database started");
    } catch (const cannot_listen& e) {
        screen.print(e.what());
    }
}

void run_all(const command_line& line, const settings& config, const wishes& wanted) {
    console screen;
    const auto log = [&screen](const std::string& text) { screen.print(text); };
    first_light demo{line, config, log};
    screen.show(introduction(demo, screen));
    const auto logging = log_transitions(demo.page(), screen, true);
    background_calls calls{demo.loop(), demo.gateway().address(), call_every, log};
    for (;;) {
        screen.set_status(status_line(demo, calls));
        switch (wanted.next(screen.is_interactive())) {
            case wish::nothing: break;
            case wish::toggle_database: toggle_database(demo, screen); break;
            case wish::toggle_calls: calls.toggle(); break;
            case wish::quit: return;
        }
    }
}

void wait_for_end(const wishes& wanted) {
    while (wanted.next(false) != wish::quit) {}
}

void run_database(const command_line& line, const database_settings& config, const wishes& wanted) {
    event_loop loop;
    database data{config};
    const auto server = listen(loop, line, "database", line.database_port, data.routes());
    console{}.print("database on " + address_of(line.address, server.port()));
    wait_for_end(wanted);
}

void run_api_gateway(const command_line& line, const api_gateway_settings& config, const wishes& wanted) {
    event_loop loop;
    api_gateway gateway{loop.io().get_executor(), config};
    const auto server = listen(loop, line, "api-gateway", line.api_gateway_port, gateway.routes());
    console{}.print("api-gateway on " + address_of(line.address, server.port()) + ", calls " + config.service_c_url);
    wait_for_end(wanted);
}

void run_frontend(const command_line& line, const frontend_settings& config, const wishes& wanted) {
    console screen;
    event_loop loop;
    frontend page{loop.io().get_executor(), config, [&screen](const std::string& text) { screen.print(text); }};
    const auto logging = log_transitions(page, screen, false);
    const auto server = listen(loop, line, "frontend", line.frontend_port, page.routes());
    screen.print("frontend on " + address_of(line.address, server.port()) + ", calls " + config.service_b_url);
    wait_for_end(wanted);
}

void run(const command_line& line, environment& env, const wishes& wanted) {
    const auto checked = [&](auto config) {
        if (!env.refused().empty()) throw std::invalid_argument(env.refused().front());
        return config;
    };
    switch (line.run) {
        case role::all: return run_all(line, checked(settings::from(env)), wanted);
        case role::database: return run_database(line, checked(database_settings::from(env)), wanted);
        case role::api_gateway: return run_api_gateway(line, checked(api_gateway_settings::from(env)), wanted);
        case role::frontend: return run_frontend(line, checked(frontend_settings::from(env)), wanted);
    }
}

}  // namespace

int run_program(std::span<char* const> arguments, const char* name) {
    const auto fail = [name](int status, const std::string& sentence) {
        std::fprintf(stderr, "%s: %s\n", name, sentence.c_str());
        return status;
    };
    const auto line = parse_command_line(arguments);
    if (!line) return fail(2, line.error());
    if (line->help) return std::fputs(usage, stdout) < 0 ? 1 : 0;
    const wishes wanted;
    auto env = environment::of_process();
    try {
        run(*line, env, wanted);
        return 0;
    } catch (const std::invalid_argument& e) {
        return fail(2, e.what());
    } catch (const cannot_listen& e) {
        return fail(1, e.what());
    }
}

}  // namespace health_check
