// The fault-injection demo as a program: started, broken, healed and ended as its user would.
#include "demo_program.hpp"

#include <fault-injection/demo.hpp>

namespace {

using namespace e2e;
using output = child_program::output;

std::vector<std::string> program(const std::vector<std::string>& more) {
    return demo_program("fault-injection", more);
}

const std::vector<std::string> free_ports{"--service-a-port", "0", "--service-b-port", "0"};

// A wait and a latency that a test can spare.
const variables prompt{{"CIRCUIT_RESET_TIMEOUT", "0.2"}, {"LATENCY_MIN", "0.001"}, {"LATENCY_MAX", "0.002"}};

struct ports {
    std::uint16_t a, b;
};

ports started(child_program& demo) {
    if (!demo.prints("What to try:")) return {};
    const auto& text = demo.output_so_far();
    return {port_after(text, "  service-a "), port_after(text, "  service-b ")};
}

void expect_nothing_left(const ports& p) {
    for (const auto port : {p.a, p.b}) EXPECT_EQ(dial(port), -1) << port;
}

TEST(fault_injection_program, trips_heals_and_leaves_nothing_behind) {
    child_program demo{program(free_ports), prompt, output::pipe};
    const ports at = started(demo);
    ASSERT_NE(at.a, 0);
    EXPECT_TRUE(get(at.a, "/").says("Service A - Circuit Breaker Demo"));
    EXPECT_EQ(get(at.b, "/health").status, 200);
    EXPECT_TRUE(demo.prints("  Service A: Call to Service B successful. State: closed\n"));

    EXPECT_EQ(post(at.a, "/service-b/induce-failure").status, 303);
    EXPECT_TRUE(demo.prints("  Service B set to UNHEALTHY state.\n"));
    EXPECT_TRUE(demo.prints("  Circuit breaker: CLOSED → OPEN (3 failures)\n"));
    EXPECT_TRUE(demo.prints("calls are refused at once, none reaches the service behind"));
    EXPECT_EQ(post(at.b, "/remove-failure").status, 200) << "service B may be told directly, too";
    EXPECT_TRUE(demo.prints("  Circuit breaker: OPEN → HALF_OPEN (testing recovery)\n"));
    EXPECT_TRUE(demo.prints("  Circuit breaker: HALF_OPEN → CLOSED (recovered)\n"));

    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("  Service B set to UNHEALTHY state.\n"));
    demo.signal(SIGINT);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_FALSE(demo.all_output().contains('\x1b')) << "no terminal, no control sequences";
}

TEST(fault_injection_program, obeys_keys_and_gives_the_terminal_back) {
    child_program demo{program(free_ports), prompt, output::terminal};
    const termios before = fresh_terminal_mode();
    const ports at = started(demo);
    EXPECT_TRUE(demo.prints("CLOSED 0/3 | service B works, fast | calls on | ok "));
    demo.type('l');
    EXPECT_TRUE(demo.prints("Service B set to SLOW state."));
    EXPECT_TRUE(demo.prints("service B works, SLOW"));
    EXPECT_TRUE(demo.prints("Service B simulating latency for 0.00 seconds."));
    demo.type('l');
    EXPECT_TRUE(demo.prints("Service B set to NORMAL SPEED state."));
    demo.type('s');
    EXPECT_TRUE(demo.prints("Service B set to UNHEALTHY state."));
    EXPECT_TRUE(demo.prints("⚠️  Circuit breaker: CLOSED → OPEN (3 failures)"));
    demo.type('s');
    EXPECT_TRUE(demo.prints("✅ Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    demo.type('t');
    EXPECT_TRUE(demo.prints("calls paused"));
    demo.type('q');
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_EQ(demo.terminal_mode().c_lflag, before.c_lflag);
}

TEST(fault_injection_program, runs_each_service_alone) {
    child_program b{program({"service-b", "--service-b-port=0"}), prompt, output::pipe};
    const auto b_port = port_of_one(b);
    const variables a_environment{{"SERVICE_B_URL", "http://127.0.0.1:" + std::to_string(b_port)},
                                  {"CIRCUIT_FAILURE_THRESHOLD", "2"}};
    child_program a{program({"service-a", "--service-a-port=0"}), a_environment, output::pipe};
    const auto a_port = port_of_one(a);

    EXPECT_EQ(get(a_port, "/call-service-b").status, 200);
    post(a_port, "/service-b/induce-failure");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(get(a_port, "/call-service-b").status, 502);
    EXPECT_TRUE(a.prints("Circuit breaker: CLOSED → OPEN (2 failures)"));
    EXPECT_EQ(get(a_port, "/call-service-b").status, 503);
    for (auto* service : {&a, &b}) {
        service->signal(SIGTERM);
        EXPECT_EQ(service->wait(), 0);
    }
    EXPECT_TRUE(b.all_output().contains("Service B set to UNHEALTHY state."));
}

TEST(fault_injection_program, ends_at_once_while_service_b_dawdles) {
    child_program demo{program(free_ports), {{"LATENCY_MIN", "3600"}, {"LATENCY_MAX", "3600"}}, output::pipe};
    const ports at = started(demo);
    post(at.b, "/induce-latency");
    EXPECT_TRUE(demo.prints("Service B simulating latency for 3600.00 seconds."));
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
}

TEST(fault_injection_program, has_the_documented_ports_and_helps) {
    const auto line = stage::parse_command_line({}, fault_injection::demo.services);
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->port("service-a"), 5000);
    EXPECT_EQ(line->port("service-b"), 5001);
    child_program help{program({"--help"}), {}, output::pipe};
    const std::string said = help.all_output();
    EXPECT_EQ(help.wait(), 0);
    EXPECT_EQ(said, fault_injection::demo.usage);
}

TEST(fault_injection_program, refuses_settings_with_a_sentence) {
    child_program demo{program({}), {{"CIRCUIT_FAIL_MAX", "many"}}, output::pipe};
    EXPECT_EQ(demo.all_output(),
              "fusebox demo fault-injection: CIRCUIT_FAIL_MAX=many must be a whole number from 1 to 1000000\n");
    EXPECT_EQ(demo.wait(), 2);
}

}  // namespace
