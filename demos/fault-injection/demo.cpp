#include <fault-injection/demo.hpp>

#include <fault-injection/service_a.hpp>
#include <fault-injection/service_b.hpp>
#include <stage/circuit_log.hpp>
#include <stage/visits.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace fault_injection {

namespace {

constexpr auto call_every = std::chrono::seconds{1};

struct settings {
    service_a_settings a{};  // an empty URL means: as started
    service_b_settings b{};

    static settings from(stage::environment& env) {
        return {.a = service_a_settings::from(env, ""), .b = service_b_settings::from(env)};
    }
};

struct addresses {
    std::string a, b;
};

std::string introduction(const addresses& at, const service_a_settings& config, bool calls, bool keys) {
    const std::string fail = keys ? "s" : fmt::format("kill -USR1 {}", ::getpid());
    const std::string quit = keys ? "q" : fmt::format("kill -TERM {}", ::getpid());
    return fmt::format(
               "Fault injection: a service that fails and dawdles when told to, and a circuit breaker before it.\n\n"
               "  service-a  {}   the page, for a browser; /call-service-b /circuit-status\n"
               "  service-b  {}   /data /health; POST /induce-failure, and the other buttons\n\n"
               "{}. What to try:\n\n",
               at.a, at.b, calls ? "Service A calls service B once a second" : "Service A calls when you ask it to") +
           fmt::format(
               "  {0}  make service B fail: after {1} failures the circuit refuses calls for {2:g} s\n"
               "  {0}  make it healthy again: the next trial call then closes the circuit\n",
               fail, config.failure_threshold, std::chrono::duration<double>(config.recovery_timeout).count()) +
           (keys ? fmt::format("  l  make service B slow, or fast again: what takes over {:g} s is a failure too\n"
                               "  t  pause the calls, or go on with them\n",
                               std::chrono::duration<double>(config.request_timeout).count())
                 : "") +
           fmt::format("  {}  quit{}\n\n", quit, keys ? ", as does Ctrl-C" : "");
}

std::string status_line(service_a& a, const service_b& b, const stage::visits& calls) {
    return fmt::format("{} | service B {}, {} | calls {} | {}", stage::state_of(a.breaker()),
                       b.failing() ? "FAILS" : "works", b.slow() ? "SLOW" : "fast", calls.running() ? "on" : "paused",
                       stage::calls_of(a.breaker()));
}

void run_all(const stage::command_line& line, settings config, const stage::keys& wanted) {
    stage::console screen;
    const auto log = [&screen](const std::string& text) { screen.print(text); };
    stage::event_loop loop;
    service_b b{config.b, log};
    const auto b_server = stage::listen(loop, line, "service-b", b.routes());
    const std::string b_url = stage::address_of(line.address, b_server.port());
    if (config.a.service_b_url.empty()) config.a.service_b_url = b_url;
    service_a a{loop.io().get_executor(), config.a, log};
    const auto a_server = stage::listen(loop, line, "service-a", a.routes());
    const std::string a_url = stage::address_of(line.address, a_server.port());
    screen.show(introduction({a_url, b_url}, config.a, line.calls, screen.is_interactive()));
    const auto logging = stage::log_transitions(a.breaker(), screen, stage::explanations::given);
    stage::visits calls{loop, a_url + "/call-service-b", call_every, line.calls};
    for (;;) {
        screen.set_status(status_line(a, b, calls));
        switch (wanted.next(screen.is_interactive())) {
            case stage::keys::main_switch: b.set_failing(!b.failing()); break;
            case 'l': b.set_slow(!b.slow()); break;
            case 't': calls.toggle(); break;
            case stage::keys::quit: return;
            default: break;
        }
    }
}

void run_service_a(const stage::command_line& line, const service_a_settings& config, const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    service_a a{loop.io().get_executor(), config, [&screen](const std::string& text) { screen.print(text); }};
    const auto logging = stage::log_transitions(a.breaker(), screen, stage::explanations::left_out);
    const auto server = stage::listen(loop, line, "service-a", a.routes());
    screen.print("service-a on " + stage::address_of(line.address, server.port()) + ", calls " + config.service_b_url);
    stage::wait_for_end(wanted);
}

void run_service_b(const stage::command_line& line, const service_b_settings& config, const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    service_b b{config, [&screen](const std::string& text) { screen.print(text); }};
    const auto server = stage::listen(loop, line, "service-b", b.routes());
    screen.print("service-b on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

void run(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) {
    const auto checked = [&](auto config) {
        env.check();
        return config;
    };
    if (line.run == "service-a") return run_service_a(line, checked(service_a_settings::from(env)), wanted);
    if (line.run == "service-b") return run_service_b(line, checked(service_b_settings::from(env)), wanted);
    run_all(line, checked(settings::from(env)), wanted);
}

}  // namespace

const stage::demo demo{
    .name = "fault-injection",
    .about = "a page with buttons that break and mend the service behind a breaker",
    .usage =
        R"(A service that fails and dawdles when it is told to, and a circuit breaker before it, over real HTTP.

  fusebox demo fault-injection              both services, in this terminal
  fusebox demo fault-injection service-b    one of them: service-a or service-b
  fusebox demo fault-injection --service-a-port 8080

Options:
  --service-a-port N     5000 unless given; 0 takes a free one, here and below
  --service-b-port N     5001 unless given
  --no-calls             make no calls of its own: only yours count
  --bind ADDRESS         where to listen; 127.0.0.1 unless given, 0.0.0.0 for every interface
  --help                 this text

Environment (times in seconds):
  CIRCUIT_FAIL_MAX 3                  failures in a row that open the circuit; also CIRCUIT_FAILURE_THRESHOLD
  CIRCUIT_RESET_TIMEOUT 20            how long it then stays open; also CIRCUIT_RECOVERY_TIMEOUT
  LATENCY_MIN 2, LATENCY_MAX 5        how long service B takes while it is slow
  SEED                                the same numbers and latencies again
  SERVICE_B_URL                       where service A finds service B; http://service-b:5001 when it runs alone

Signals: INT and TERM end it; USR1 makes service B fail, and makes it healthy again.
)",
    .services = {{"service-a", 5000}, {"service-b", 5001}},
    .run = run,
};

}  // namespace fault_injection
