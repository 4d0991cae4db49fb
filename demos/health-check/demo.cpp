#include <health-check/demo.hpp>

#include <health-check/background_calls.hpp>
#include <health-check/first_light.hpp>

#include <stage/circuit_log.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace health_check {

namespace {

constexpr auto call_every = std::chrono::milliseconds{500};

std::string introduction(first_light& demo, bool calls, const stage::console& screen) {
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
               "{}. What to try:\n\n",
               at.frontend, at.api_gateway, at.database, demo.gateway().address(), demo.gateway().address(),
               demo.gateway().admin_address(),
               calls ? "Test API and /api/data are called twice a second, by the gateway" : "Nobody calls but you") +
           fmt::format(
               "  {0}  stop the database: after {1} failures each circuit refuses calls for {2:g} s\n"
               "  {0}  start it again: the next trial call then closes it\n",
               toggle, failures, wait) +
           (keys ? "  t  pause the calls, or go on with them\n" : "") +
           fmt::format("  {}  quit{}\n\n", quit, keys ? ", as does Ctrl-C" : "");
}

std::string status_line(first_light& demo, const background_calls& calls) {
    const auto& circuit = demo.page().breaker();
    return fmt::format("{} | database {} | calls {} | {}", stage::state_of(circuit),
                       demo.database_runs() ? "up" : "DOWN", calls.running() ? "on" : "paused",
                       stage::calls_of(circuit));
}

void toggle_database(first_light& demo, stage::console& screen) {
    if (demo.database_runs()) {
        demo.stop_database();
        screen.print("database stopped");
        return;
    }
    try {
        demo.start_database();
        screen.print("database started");
    } catch (const stage::cannot_listen& e) {
        screen.print(e.what());
    }
}

void run_all(const stage::command_line& line, const settings& config, const stage::keys& wanted) {
    stage::console screen;
    const auto log = [&screen](const std::string& text) { screen.print(text); };
    first_light demo{line, config, log};
    screen.show(introduction(demo, line.calls, screen));
    const auto logging = stage::log_transitions(demo.page().breaker(), screen, stage::explanations::given);
    background_calls calls{demo.loop(), demo.gateway().address(), call_every, line.calls, log};
    for (;;) {
        screen.set_status(status_line(demo, calls));
        switch (wanted.next(screen.is_interactive())) {
            case stage::keys::main_switch: toggle_database(demo, screen); break;
            case 't': calls.toggle(); break;
            case stage::keys::quit: return;
            default: break;
        }
    }
}

void run_database(const stage::command_line& line, const database_settings& config, const stage::keys& wanted) {
    stage::event_loop loop;
    database data{config};
    const auto server = stage::listen(loop, line, "database", data.routes());
    stage::console{}.print("database on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

void run_api_gateway(const stage::command_line& line, const api_gateway_settings& config, const stage::keys& wanted) {
    stage::event_loop loop;
    api_gateway gateway{loop.io().get_executor(), config};
    const auto server = stage::listen(loop, line, "api-gateway", gateway.routes());
    stage::console{}.print("api-gateway on " + stage::address_of(line.address, server.port()) + ", calls " +
                           config.service_c_url);
    stage::wait_for_end(wanted);
}

void run_frontend(const stage::command_line& line, const frontend_settings& config, const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    frontend page{loop.io().get_executor(), config, [&screen](const std::string& text) { screen.print(text); }};
    const auto logging = stage::log_transitions(page.breaker(), screen, stage::explanations::left_out);
    const auto server = stage::listen(loop, line, "frontend", page.routes());
    screen.print("frontend on " + stage::address_of(line.address, server.port()) + ", calls " + config.service_b_url);
    stage::wait_for_end(wanted);
}

void run(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) {
    const auto checked = [&](auto config) {
        env.check();
        return config;
    };
    if (line.run == "database") return run_database(line, checked(database_settings::from(env)), wanted);
    if (line.run == "api-gateway") return run_api_gateway(line, checked(api_gateway_settings::from(env)), wanted);
    if (line.run == "frontend") return run_frontend(line, checked(frontend_settings::from(env)), wanted);
    run_all(line, checked(settings::from(env)), wanted);
}

}  // namespace

const stage::demo demo{
    .name = "health-check",
    .about = "three services with health checks, a breaker between them, and the gateway before them",
    .usage =
        R"(Three services over real HTTP, a circuit breaker between them, and the Fusebox gateway before them.

  fusebox demo health-check                 all of it, in this terminal
  fusebox demo health-check database        one of them: database, api-gateway or frontend
  fusebox demo health-check --frontend-port 8080

Options:
  --database-port N      5000 unless given; 0 takes a free one, here and below
  --api-gateway-port N   5001 unless given
  --frontend-port N      5002 unless given
  --gateway-port N       8080 unless given
  --admin-port N         9901 unless given: what the gateway shows of itself
  --no-calls             make no calls of its own: only yours count
  --bind ADDRESS         where to listen; 127.0.0.1 unless given, 0.0.0.0 for every interface
  --help                 this text

Environment (times in seconds):
  HEALTH_FAIL_RATE 0.2, DATA_FAIL_RATE 0.1                     how often the database fails, 0 to 1
  DATA_LATENCY_MIN 0.1, DATA_LATENCY_MAX 0.5                   how long its data takes
  SEED                                                         the same faults again
  CIRCUIT_FAILURE_THRESHOLD 3, CIRCUIT_RECOVERY_TIMEOUT 20     when a circuit opens, and for how long
  BUSINESS_LEAST_RECORDS 1, BUSINESS_OLDEST_DATA 60            what /health/business wants
  SERVICE_C_URL                    where the gateway finds the database; http://service-c:5000 when it runs alone
  SERVICE_B_URL                    where the frontend finds the gateway; http://service-b:5001 when it runs alone

Signals: INT and TERM end it; USR1 stops the database, and starts it again.
)",
    .services = {{"database", 5000},
                 {"api-gateway", 5001},
                 {"frontend", 5002},
                 {"gateway", 8080, false},
                 {"admin", 9901, false}},
    .run = run,
};

}  // namespace health_check
