// The orders demo as a program: started, broken, healed and ended as its user would.
#include "child_program.hpp"
#include "socket_talk.hpp"

#include <orders/demo.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace e2e;
using output = child_program::output;

const std::vector<std::string> roles{"make-order-service", "auth-service",  "product-service",     "customer-service",
                                     "cart-service",       "order-service", "notification-service"};

std::vector<std::string> program(const std::vector<std::string>& more) {
    std::vector<std::string> all{FUSEBOX_PROGRAM, "demo", "orders"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<std::string> free_ports() {
    std::vector<std::string> all;
    for (const auto& role : roles) all.push_back("--" + role + "-port=0");
    return all;
}

const variables prompt{{"CB_COOLDOWN_SECONDS", "0.2"}};

std::uint16_t port_after(const std::string& text, const std::string& name) {
    const auto address = text.find("http://127.0.0.1:", text.find(name + " "));
    return static_cast<std::uint16_t>(std::stoi(text.substr(address + 17)));
}

std::map<std::string, std::uint16_t> started(child_program& demo) {
    std::map<std::string, std::uint16_t> ports;
    if (!demo.prints("What to try:")) return ports;
    for (const auto& role : roles) ports[role] = port_after(demo.output_so_far(), "  " + role);
    return ports;
}

answer order_a_pen(std::uint16_t port) {
    const std::string body = R"({"customer_id":1,"items":[{"product_id":1,"quantity":1}]})";
    return parse(converse(port,
                          "POST /ordering HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                          "Authorization: Bearer mai-token\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body));
}

TEST(orders_program, A002_T2_T3_L1_trips_heals_and_leaves_nothing_behind) {
    child_program demo{program(free_ports()), {{"CB_COOLDOWN_SECONDS", "3"}}, output::pipe};
    const auto at = started(demo);
    ASSERT_EQ(at.size(), 7u);
    EXPECT_TRUE(demo.prints("POST /ordering is answered with 200\n"));
    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("product-service stopped"));
    EXPECT_TRUE(demo.prints("product unreachable: "));
    EXPECT_TRUE(demo.prints("product-breaker  Circuit breaker: CLOSED → OPEN (3 failures)"));
    EXPECT_TRUE(demo.prints("Circuit open for product: Timeout not elapsed yet, circuit breaker still open"));
    demo.signal(SIGUSR1);
    EXPECT_TRUE(demo.prints("product-service started"));
    EXPECT_TRUE(demo.prints("product-breaker  Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    EXPECT_TRUE(demo.prints("POST /ordering is answered with 200\n"));
    demo.signal(SIGINT);
    EXPECT_EQ(demo.wait(), 0);
    for (const auto& [role, port] : at) EXPECT_EQ(dial(port), -1) << role;
    EXPECT_FALSE(demo.all_output().contains('\x1b')) << "no terminal, no control sequences";
}

TEST(orders_program, keys_stop_and_start_two_services_and_pause_the_orders) {
    child_program demo{program(free_ports()), prompt, output::terminal};
    const auto at = started(demo);
    EXPECT_TRUE(demo.prints("product up | notification up | orders on"));
    demo.type('n');
    EXPECT_TRUE(demo.prints("notification-service stopped"));
    EXPECT_TRUE(demo.prints("200: The confirmation will be sent later: notification unreachable: "));
    demo.type('n');
    EXPECT_TRUE(demo.prints("notification-service started"));
    EXPECT_TRUE(demo.prints(" was sent from the outbox"));
    demo.type('t');
    EXPECT_TRUE(demo.prints("orders paused"));
    demo.type('s');
    EXPECT_TRUE(demo.prints("product-service stopped"));
    EXPECT_TRUE(demo.prints("product DOWN"));
    demo.type('s');
    EXPECT_TRUE(demo.prints("product-service started"));
    demo.type('q');
    EXPECT_EQ(demo.wait(), 0);
    for (const auto& [role, port] : at) EXPECT_EQ(dial(port), -1) << role;
}

TEST(orders_program, runs_each_service_alone) {
    const std::vector<std::pair<std::string, std::string>> callees{
        {"auth-service", "AUTH_URL"}, {"product-service", "PRODUCT_URL"}, {"customer-service", "CUSTOMER_URL"},
        {"cart-service", "CART_URL"}, {"order-service", "ORDER_URL"},     {"notification-service", "NOTIF_URL"}};
    const auto port_of = [](child_program& service, const std::string& role) {
        EXPECT_TRUE(service.prints(role + " on http://127.0.0.1:"));
        EXPECT_TRUE(service.prints("\n"));
        return port_after(service.output_so_far(), role);
    };
    std::vector<std::unique_ptr<child_program>> running;
    variables urls;
    for (const auto& [role, variable] : callees) {
        running.push_back(
            std::make_unique<child_program>(program({role, "--" + role + "-port=0"}), variables{}, output::pipe));
        urls.emplace_back(variable, "http://127.0.0.1:" + std::to_string(port_of(*running.back(), role)));
    }
    child_program make_order{program({"make-order-service", "--make-order-service-port=0"}), urls, output::pipe};
    const auto port = port_of(make_order, "make-order-service");
    EXPECT_TRUE(order_a_pen(port).says("\"status\":\"success\""));
    running[1]->signal(SIGTERM);
    EXPECT_EQ(running[1]->wait(), 0);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(order_a_pen(port).status, 502);
    EXPECT_EQ(order_a_pen(port).status, 503);
    EXPECT_TRUE(make_order.prints("Circuit open for product"));
    make_order.signal(SIGTERM);
    EXPECT_EQ(make_order.wait(), 0);
}

TEST(orders_program, A002_G1_warns_of_a_circuit_that_opens_at_one_failure) {
    child_program demo{program(free_ports()), {{"CB_PRESET", "critical"}}, output::pipe};
    EXPECT_TRUE(demo.prints("warning: one failure opens the circuit for auth; a lost packet is one"));
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
}

TEST(orders_program, a_dot_env_that_is_somebody_elses_is_a_warning_and_no_more) {
    char folder[] = "/tmp/fusebox-dot-env-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    const std::filesystem::path file = std::filesystem::path{folder} / ".env";
    std::ofstream{file} << "CB_THRESHOLD=2   # of ours\n<<<<<<< HEAD\n[section]\n";
    std::vector<std::string> there{"/usr/bin/env", std::string("--chdir=") + folder};
    const auto command = program(free_ports());
    there.insert(there.end(), command.begin(), command.end());
    child_program demo{there, {}, output::pipe};
    EXPECT_TRUE(demo.prints("fusebox demo orders: warning: .env:2: this line is left out (1 more after it)"));
    EXPECT_TRUE(demo.prints("after 2 failures"));
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.wait(), 0);
    std::filesystem::remove_all(folder);
}

TEST(orders_program, refuses_bad_settings_with_a_sentence) {
    const auto refusal = [](const variables& environment, int status) {
        child_program demo{program(free_ports()), environment, output::pipe};
        const std::string said = demo.all_output();
        EXPECT_EQ(demo.wait(), status) << said;
        return said;
    };
    const std::string us = "fusebox demo orders: ";
    EXPECT_EQ(refusal({{"CB_THRESHOLD", "0"}}, 2), us + "CB_THRESHOLD=0 must be a whole number from 1 to 1000000\n");
    EXPECT_TRUE(refusal({{"DATABASE_URL", "mysql://"}}, 2).starts_with(us + "DATABASE_URL must be sqlite:// "));
    EXPECT_EQ(refusal({{"DATABASE_URL", "sqlite:///nowhere/orders.db"}}, 1),
              us + "cannot open the database /nowhere/orders.db: unable to open database file\n");
}

TEST(orders_program, has_the_seeds_ports) {
    const auto line = stage::parse_command_line({}, orders::demo.services);
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->port("make-order-service"), 8000);
    EXPECT_EQ(line->port("auth-service"), 8001);
    EXPECT_EQ(line->port("product-service"), 8002);
    EXPECT_EQ(line->port("customer-service"), 8003);
    EXPECT_EQ(line->port("cart-service"), 8004);
    EXPECT_EQ(line->port("order-service"), 8005);
    EXPECT_EQ(line->port("notification-service"), 8006);
}

}  // namespace
