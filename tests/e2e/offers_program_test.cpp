// The offers demo as a program: started, broken, healed and ended as its user would.
#include "demo_program.hpp"

#include <offers/demo.hpp>

namespace {

using namespace e2e;
using output = child_program::output;

std::vector<std::string> program(const std::vector<std::string>& more) {
    return demo_program("offers", more);
}

const std::vector<std::string> free_ports{"--partner-offer-service-port", "0", "--offer-service-port", "0"};

// A wait and a latency that a test can spare.
const variables prompt{{"RESET_TIMEOUT", "0.2"}, {"PARTNER_LATENCY", "0"}};

struct ports {
    std::uint16_t offers, partner;
};

ports started(child_program& demo) {
    if (!demo.prints("What to try:")) return {};
    const auto& text = demo.output_so_far();
    return {port_after(text, "  offer-service "), port_after(text, "  partner-offer-service ")};
}

void expect_nothing_left(const ports& p) {
    for (const auto port : {p.offers, p.partner}) EXPECT_EQ(dial(port), -1) << port;
}

TEST(offers_program, trips_heals_and_leaves_nothing_behind) {
    variables loud = prompt;
    loud.insert(loud.end(), {{"LANGUAGE", "en"}, {"HTTPX_LOG_LEVEL", "debug"}});
    child_program demo{program(free_ports), loud, output::pipe};
    const ports at = started(demo);
    ASSERT_NE(at.offers, 0);
    EXPECT_TRUE(get(at.offers, "/offer").says("\"Hot offer "));
    EXPECT_TRUE(demo.prints("\nAntes do circuito invocar a função.\n"));
    EXPECT_TRUE(demo.prints("\nDEBUG ["));
    EXPECT_TRUE(demo.prints("/offer/hot \"HTTP/1.1 200 OK\"\n"));
    EXPECT_TRUE(demo.prints("  GET /offer: \"Hot offer "));

    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("the partner answers 500 from now on"));
    EXPECT_TRUE(demo.prints("  GET /offer: \"Cold offer fallback "));
    EXPECT_TRUE(demo.prints("\nQuando o estado do circuito mudou (open).\n"));
    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("\nQuando o estado do circuito mudou (half-open).\n"));
    EXPECT_TRUE(demo.prints("\nQuando o estado do circuito mudou (closed).\n"));
    EXPECT_TRUE(demo.prints("  GET /offer: \"Hot offer "));
    demo.signal(SIGINT);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_FALSE(demo.all_output().contains('\x1b')) << "no terminal, no control sequences";
}

TEST(offers_program, obeys_keys_and_gives_the_terminal_back) {
    child_program demo{program(free_ports), prompt, output::terminal};
    const termios before = fresh_terminal_mode();
    const ports at = started(demo);
    EXPECT_TRUE(demo.prints("CLOSED 0/3 | partner answers 200 | calls on | ok "));
    demo.type('s');
    EXPECT_TRUE(demo.prints("the partner answers 500 from now on"));
    EXPECT_TRUE(demo.prints("Quando o estado do circuito mudou (open)."));
    demo.type('s');
    EXPECT_TRUE(demo.prints("Quando o estado do circuito mudou (closed)."));
    demo.type('t');
    EXPECT_TRUE(demo.prints("calls paused"));
    demo.type('q');
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
    EXPECT_EQ(demo.terminal_mode().c_lflag, before.c_lflag);
}

TEST(offers_program, runs_each_service_alone) {
    child_program partner{program({"partner-offer-service", "--partner-offer-service-port=0"}), prompt, output::pipe};
    const auto partner_port = port_of_one(partner);
    const variables environment{{"PARTNER_URL", "http://127.0.0.1:" + std::to_string(partner_port)}, {"FAIL_MAX", "2"}};
    child_program offers{program({"offer-service", "--offer-service-port=0"}), environment, output::pipe};
    const auto port = port_of_one(offers);

    EXPECT_TRUE(get(port, "/offer").says("Hot offer"));
    EXPECT_EQ(post(partner_port, "/offer/status/500").status, 200);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(get(port, "/offer").says("Cold offer fallback"));
    EXPECT_EQ(get(port, "/offer/circuit").body, R"({"current_state":"open","fail_counter":2})");
    EXPECT_TRUE(offers.prints("Quando o estado do circuito mudou (open)."));
    for (auto* service : {&offers, &partner}) {
        service->signal(SIGTERM);
        EXPECT_EQ(service->wait(), 0);
    }
}

// The document's steps, to the number; without a terminal there is no key to pause the calls.
TEST(offers_program, A004_T1_T2_T3_without_calls_of_its_own_only_ours_count) {
    auto quiet = free_ports;
    quiet.push_back("--no-calls");
    child_program demo{program(quiet), {{"PARTNER_LATENCY", "0"}}, output::pipe};
    EXPECT_TRUE(demo.prints("Nobody asks for offers but you. "));
    const ports at = started(demo);
    EXPECT_TRUE(get(at.offers, "/offer").says("\"Hot offer "));
    EXPECT_EQ(post(at.partner, "/offer/status/500").status, 200);
    EXPECT_TRUE(get(at.offers, "/offer").says("Cold offer"));
    EXPECT_EQ(get(at.offers, "/offer/circuit").body, R"({"current_state":"closed","fail_counter":1})");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(get(at.offers, "/offer").says("Cold offer"));
    EXPECT_EQ(get(at.offers, "/offer/circuit").body, R"({"current_state":"open","fail_counter":3})");
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
    EXPECT_FALSE(demo.all_output().contains("  GET /offer: "));
}

TEST(offers_program, no_calls_is_an_option_of_all_services_together) {
    const auto parsed = [](std::vector<std::string> words, stage::own_calls calls) {
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        return stage::parse_command_line(arguments, offers::demo.services, calls);
    };
    EXPECT_TRUE(parsed({}, stage::own_calls::some)->calls);
    EXPECT_FALSE(parsed({"--no-calls"}, stage::own_calls::some)->calls);
    EXPECT_FALSE(parsed({"all", "--no-calls"}, stage::own_calls::some)->calls);
    EXPECT_EQ(parsed({"offer-service", "--no-calls"}, stage::own_calls::some).error(),
              "'--no-calls' is for all services together; one alone makes no calls by itself");
    EXPECT_EQ(parsed({"--no-calls"}, stage::own_calls::none).error(),
              "there is no option '--no-calls'; --help lists what there is");
}

TEST(offers_program, ends_at_once_while_the_partner_dawdles) {
    child_program demo{program(free_ports), {{"PARTNER_LATENCY", "3600"}}, output::pipe};
    const ports at = started(demo);
    EXPECT_TRUE(demo.prints("Antes do circuito invocar a função."));
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
    expect_nothing_left(at);
}

TEST(offers_program, has_the_documented_ports_and_helps) {
    const auto line = stage::parse_command_line({}, offers::demo.services);
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->port("partner-offer-service"), 8000);
    EXPECT_EQ(line->port("offer-service"), 8001);
    EXPECT_EQ(line->address, "127.0.0.1");
    child_program help{program({"--help"}), {}, output::pipe};
    const std::string said = help.all_output();
    EXPECT_EQ(help.wait(), 0);
    EXPECT_EQ(said, offers::demo.usage);
}

TEST(offers_program, refuses_redis_with_a_sentence) {
    child_program demo{program({}), {{"STATE_STORAGE", "redis"}}, output::pipe};
    EXPECT_EQ(demo.all_output(),
              "fusebox demo offers: STATE_STORAGE=redis comes with shared state, which is not there yet; memory is\n");
    EXPECT_EQ(demo.wait(), 2);
}

}  // namespace
