// The health-check demo as a program: started, broken, healed and ended as its user would.
#include "demo_program.hpp"

#include <health-check/demo.hpp>

#include <array>

namespace {

using namespace e2e;
using output = child_program::output;

std::vector<std::string> program(const std::vector<std::string>& more = {}) {
    return demo_program("health-check", more);
}

const std::vector<std::string> free_ports{"--database-port", "0", "--api-gateway-port", "0", "--frontend-port", "0",
                                          "--gateway-port",  "0", "--admin-port",       "0"};

// No random faults and no latency, and a wait that a test can spare.
const variables prompt{{"HEALTH_FAIL_RATE", "0"},
                       {"DATA_FAIL_RATE", "0"},
                       {"DATA_LATENCY_MIN", "0"},
                       {"DATA_LATENCY_MAX", "0"},
                       {"CIRCUIT_RECOVERY_TIMEOUT", "0.2"}};

struct ports {
    std::uint16_t frontend, api_gateway, database, gateway, admin;
};

// Waits until all three services run, and the gateway.
ports started(child_program& demo) {
    if (!demo.prints("What to try:")) return {};
    const auto& text = demo.output_so_far();
    return {port_after(text, "  frontend "), port_after(text, "  api-gateway "), port_after(text, "  database "),
            port_after(text, "  gateway "), port_after(text, "  its admin ")};
}

void expect_nothing_left(const ports& p) {
    for (const auto port : {p.frontend, p.api_gateway, p.database, p.gateway, p.admin})
        EXPECT_EQ(dial(port), -1) << port;
}

TEST(health_check_program, trips_heals_and_leaves_nothing_behind) {
    child_program demo{program(free_ports), prompt, output::pipe};
    const ports at = started(demo);
    ASSERT_NE(at.frontend, 0);
    EXPECT_EQ(get(at.frontend, "/").status, 200);
    EXPECT_EQ(get(at.api_gateway, "/ready").status, 200);
    EXPECT_EQ(get(at.database, "/health").status, 200);

    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("database stopped"));
    EXPECT_TRUE(demo.prints("  Circuit breaker: CLOSED → OPEN (3 failures)"));
    EXPECT_EQ(dial(at.database), -1);
    EXPECT_TRUE(demo.prints("  Circuit breaker: HALF_OPEN → OPEN (4 failures)"));
    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("database started"));
    EXPECT_TRUE(demo.prints("  Circuit breaker: OPEN → HALF_OPEN (testing recovery)"));
    EXPECT_TRUE(demo.prints("  Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    EXPECT_EQ(get(at.database, "/health").status, 200) << "at the same port";

    demo.signal(SIGINT);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_FALSE(demo.all_output().contains('\x1b')) << "no terminal, no control sequences";
}

TEST(health_check_program, A000_X2_the_gateway_before_the_services_trips_falls_back_and_heals) {
    variables slower = prompt;
    slower.emplace_back("CIRCUIT_RECOVERY_TIMEOUT", "2");
    child_program demo{program(free_ports), slower, output::pipe};
    const ports at = started(demo);
    ASSERT_NE(at.gateway, 0);
    EXPECT_TRUE(get(at.gateway, "/").says("Microservices Dashboard"));
    EXPECT_TRUE(get(at.gateway, "/api/data").says("Item 1"));
    EXPECT_EQ(get(at.gateway, "/ready").body, R"({"status":"ready"})");
    EXPECT_TRUE(get(at.admin, "/api/v1/snapshot").says("\"closed\""));
    EXPECT_TRUE(demo.prints("GET gateway/api/data is answered with 200, the service's own"));

    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("gateway: the circuit to the api-gateway is OPEN (it was CLOSED)"));
    const auto instead = eventually(at.gateway, "/api/data", [](const answer& a) { return a.says("fallback"); });
    EXPECT_EQ(instead.status, 200);
    const auto refused =
        eventually(at.gateway, "/ready", [](const answer& a) { return a.head.contains("\r\nProxy-Status: "); });
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.head.contains("\r\nRetry-After: ")) << refused.head;
    eventually(at.admin, "/api/v1/snapshot", [](const answer& a) { return a.says("\"open\""); });

    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("the circuit to the api-gateway is CLOSED"));
    eventually(at.gateway, "/api/data", [](const answer& a) { return a.says("Item 1"); });
}

TEST(health_check_program, ends_at_once_while_requests_are_under_way) {
    variables slow = prompt;
    slow.insert(slow.end(), {{"DATA_LATENCY_MIN", "3600"}, {"DATA_LATENCY_MAX", "3600"}});
    child_program demo{program(free_ports), slow, output::pipe};
    const ports at = started(demo);
    const int waiting = dial(at.database);
    const std::string ask = "GET /data HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    ASSERT_EQ(::send(waiting, ask.data(), ask.size(), 0), static_cast<ssize_t>(ask.size()));
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    ::close(waiting);
}

TEST(health_check_program, obeys_keys_and_gives_the_terminal_back) {
    child_program demo{program(free_ports), prompt, output::terminal};
    const termios before = fresh_terminal_mode();
    const ports at = started(demo);
    EXPECT_EQ(demo.terminal_mode().c_lflag & (ICANON | ECHO), 0u) << "keys work without Enter";
    EXPECT_TRUE(demo.prints("database up | calls on"));
    demo.type('t');
    EXPECT_TRUE(demo.prints("calls paused"));
    demo.type('t');
    EXPECT_TRUE(demo.prints("calls on"));
    demo.type('s');
    EXPECT_TRUE(demo.prints("database stopped"));
    EXPECT_TRUE(demo.prints("⚠️  Circuit breaker: CLOSED → OPEN (3 failures)"));
    demo.type('s');
    EXPECT_TRUE(demo.prints("database started"));
    EXPECT_TRUE(demo.prints("✅ Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    demo.type('q');
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_EQ(demo.terminal_mode().c_lflag, before.c_lflag);
    EXPECT_FALSE(demo.output_so_far().contains("trace_id")) << "the gateway's log has no business on this screen";
}

TEST(health_check_program, ctrl_c_gives_the_terminal_back_too) {
    child_program demo{program(free_ports), prompt, output::terminal};
    const ports at = started(demo);
    demo.type('\x03');
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_NE(demo.terminal_mode().c_lflag & ICANON, 0u);
    EXPECT_NE(demo.terminal_mode().c_lflag & ECHO, 0u);
}

TEST(health_check_program, runs_each_service_alone) {
    child_program c{program({"database", "--database-port=0"}), prompt, output::pipe};
    const auto c_port = port_of_one(c);
    variables b_environment{{"SERVICE_C_URL", "http://127.0.0.1:" + std::to_string(c_port)}};
    child_program b{program({"api-gateway", "--api-gateway-port=0"}), b_environment, output::pipe};
    const auto b_port = port_of_one(b);
    variables a_environment{{"SERVICE_B_URL", "http://127.0.0.1:" + std::to_string(b_port)}};
    child_program a{program({"frontend", "--frontend-port=0"}), a_environment, output::pipe};
    const auto a_port = port_of_one(a);

    EXPECT_TRUE(get(a_port, "/test-api").says("Item 1"));
    c.signal(SIGTERM);
    EXPECT_EQ(c.wait(), 0);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(get(a_port, "/test-api").says("HTTP 503"));
    EXPECT_TRUE(a.prints("Circuit breaker: CLOSED → OPEN (3 failures)"));
    EXPECT_TRUE(get(a_port, "/health").says(R"("state":"open","failures":3)"));
    for (auto* service : {&a, &b}) {
        service->signal(SIGINT);
        EXPECT_EQ(service->wait(), 0);
    }
}

TEST(health_check_program, says_which_port_is_taken_and_what_to_do) {
    child_program first{program({"database", "--database-port", "0"}), prompt, output::pipe};
    ASSERT_TRUE(first.prints("http://127.0.0.1:"));
    ASSERT_TRUE(first.prints("\n"));
    const auto& text = first.output_so_far();
    const std::string port = std::to_string(std::stoi(text.substr(text.find("127.0.0.1:") + 10)));

    child_program second{program({"--database-port", port}), prompt, output::pipe};
    const std::string said = second.all_output();
    EXPECT_EQ(second.wait(), 1);
    EXPECT_TRUE(said.contains("cannot start the database: 127.0.0.1:" + port +
                              " is in use by another program; end that program, or move with --database-port "))
        << said;
}

TEST(health_check_program, refuses_bad_options_and_settings_with_a_sentence) {
    const auto refusal = [](std::vector<std::string> options, const variables& environment = {}) {
        child_program demo{program(std::move(options)), environment, output::pipe};
        const std::string said = demo.all_output();
        EXPECT_EQ(demo.wait(), 2) << said;
        return said;
    };
    const std::string us = "fusebox demo health-check: ";
    EXPECT_EQ(refusal({"--foo"}), us + "there is no option '--foo'; --help lists what there is\n");
    EXPECT_EQ(refusal({"gateway"}), us + "'gateway' is no service; there are: all, database, api-gateway, frontend\n");
    EXPECT_EQ(refusal({"frontend", "database"}), us + "name one service only; without any, all of them run\n");
    EXPECT_EQ(refusal({"--frontend-port"}), us + "'--frontend-port' needs a value after it\n");
    for (const char* bad : {"65536", "-1", "x", ""})
        EXPECT_EQ(refusal({"--frontend-port", bad}),
                  us + "'--frontend-port' needs a port from 0 to 65535, not '" + bad + "'\n");
    EXPECT_EQ(refusal({"--bind", "home"}), us + "'--bind' needs an IP address, not 'home'\n");
    EXPECT_EQ(refusal({}, {{"CIRCUIT_RECOVERY_TIMEOUT", "soon"}}),
              us + "CIRCUIT_RECOVERY_TIMEOUT=soon must be a number of seconds from 0.001 to 86400\n");
}

TEST(health_check_program, has_the_documented_ports_and_helps) {
    const auto line = stage::parse_command_line({}, health_check::demo.services);
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->port("database"), 5000);
    EXPECT_EQ(line->port("api-gateway"), 5001);
    EXPECT_EQ(line->port("frontend"), 5002);
    EXPECT_EQ(line->address, "127.0.0.1");
    child_program help{program({"--help"}), {}, output::pipe};
    const std::string said = help.all_output();
    EXPECT_EQ(help.wait(), 0);
    EXPECT_EQ(said, health_check::demo.usage);
}

}  // namespace
