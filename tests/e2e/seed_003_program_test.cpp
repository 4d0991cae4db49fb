// Seed 003 from outside: its figures against a real process, and what `fusebox check` says of its anti-patterns.
#include "child_program.hpp"
#include "socket_talk.hpp"

#include <chaos/demo.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

namespace {

using namespace e2e;
using output = child_program::output;

std::vector<std::string> chaos_demo(std::vector<std::string> more = {}) {
    std::vector<std::string> all{FUSEBOX_PROGRAM, "demo", "chaos"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// A fiftieth of the simulation's times.
const variables short_times{{"REAL_TIMEOUT", "0.6"}, {"CALLS", "3"}, {"CALL_EVERY", "0.01"}, {"CHAOS_FAIL_RATE", "0"}};

struct target_seen {
    pid_t pid = 0;
    std::uint16_t port = 0;

    bool exists() const { return ::kill(pid, 0) == 0 || errno != ESRCH; }
};

target_seen target_of(child_program& demo) {
    if (!demo.prints("simulation's times.")) return {};
    const auto& text = demo.output_so_far();
    const auto after = [&](const std::string& words) {
        return std::stoi(text.substr(text.find(words) + words.size()));
    };
    return {after("The target is process "), static_cast<std::uint16_t>(after("http://127.0.0.1:"))};
}

// The first numbers of a table's line, by column.
std::vector<double> numbers_after(const std::string& text, const std::string& what) {
    std::istringstream line{text.substr(text.find(what) + what.size())};
    return std::vector<double>(std::istream_iterator<double>{line}, {});
}

TEST(seed_003_program, A003_R1_real_callers_of_a_real_process_are_blocked_without_a_breaker_only) {
    child_program demo{chaos_demo({"real"}), short_times, output::pipe};
    const auto target = target_of(demo);
    ASSERT_NE(target.port, 0);
    EXPECT_TRUE(demo.prints("Call 2: SUCCESS"));
    const std::string all = demo.all_output();
    EXPECT_EQ(demo.wait(), 0);
    const auto blocked = numbers_after(all, "blocked as the outage ends");
    ASSERT_EQ(blocked.size(), 3u) << all;
    EXPECT_GT(blocked[0], 90) << "100 a second, for 3 timeouts of 0.6 s, were the machine idle";
    EXPECT_LT(blocked[1], blocked[0] / 3);
    EXPECT_LT(blocked[2], blocked[0] / 3);
    EXPECT_TRUE(all.contains("Circuit breaker: CLOSED → OPEN (5 failures)")) << all;
    EXPECT_EQ(numbers_after(all, "amplification").front(), 27) << all;
    EXPECT_FALSE(target.exists()) << "ended, and reaped";
    EXPECT_EQ(dial(target.port), -1);
}

TEST(seed_003_program, A003_R1_ctrl_c_leaves_no_process_behind) {
    child_program demo{chaos_demo({"real"}), {{"CALLS", "1"}}, output::terminal};
    const auto target = target_of(demo);
    ASSERT_NE(target.port, 0);
    EXPECT_TRUE(demo.prints("Cascade:"));
    EXPECT_TRUE(demo.prints("callers wait"));
    demo.type('\x03');
    EXPECT_TRUE(demo.prints("Left before its end."));
    EXPECT_EQ(demo.wait(), 0);
    EXPECT_FALSE(target.exists());
    EXPECT_NE(demo.terminal_mode().c_lflag & ICANON, 0u);
}

TEST(seed_003_program, A003_R1_the_target_goes_with_a_program_that_is_killed) {
    child_program demo{chaos_demo({"real"}), {{"CALLS", "1"}}, output::pipe};
    const auto target = target_of(demo);
    ASSERT_NE(target.port, 0);
    demo.signal(SIGKILL);
    EXPECT_EQ(demo.wait(), -SIGKILL);
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    int reached = 0;
    while (reached != -1 && std::chrono::steady_clock::now() < patience) {
        reached = dial(target.port);
        if (reached != -1) ::close(reached);
        std::this_thread::yield();
    }
    EXPECT_EQ(reached, -1);
}

TEST(seed_003_program, A003_T3_a_simulation_that_is_long_can_be_left) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        child_program demo{chaos_demo(), {{"CALLS", "1000000"}}, output::pipe};
        EXPECT_TRUE(demo.prints("Call 2: "));
        demo.signal(number);
        EXPECT_EQ(demo.wait(), 128 + number);
        EXPECT_FALSE(demo.all_output().contains("Cascade:"));
    }
    child_program on_terminal{chaos_demo(), {{"CALLS", "1000000"}}, output::terminal};
    EXPECT_TRUE(on_terminal.prints("Call 2: "));
    on_terminal.type('\x03');
    EXPECT_EQ(on_terminal.wait(), 128 + SIGINT);
    EXPECT_NE(on_terminal.terminal_mode().c_lflag & ICANON, 0u);
}

TEST(seed_003_program, A003_T3_without_a_word_all_is_simulated_and_the_real_form_is_named) {
    child_program demo{chaos_demo(), {{"CALLS", "3"}, {"CHAOS_FAIL_RATE", "0"}}, output::pipe};
    const std::string all = demo.all_output();
    EXPECT_EQ(demo.wait(), 0);
    EXPECT_TRUE(all.contains("Call 2: SUCCESS\n{\"state\":\"closed\",\"total_calls\":3,")) << all;
    EXPECT_EQ(numbers_after(all, "most blocked at once").front(), 9000) << all;
    EXPECT_EQ(numbers_after(all, "amplification").front(), 27) << all;
    EXPECT_TRUE(all.contains("fusebox demo chaos real\n")) << all;
    EXPECT_FALSE(all.contains('\x1b'));
}

TEST(seed_003_program, helps_and_refuses_with_a_sentence) {
    child_program help{chaos_demo({"--help"}), {}, output::pipe};
    EXPECT_EQ(help.all_output(), chaos::demo.usage);
    EXPECT_EQ(help.wait(), 0);
    child_program wrong{chaos_demo({"cascade", "--cascade-port", "1"}), {}, output::pipe};
    EXPECT_EQ(wrong.all_output(),
              "fusebox demo chaos: there is no option '--cascade-port'; --help lists what there is\n");
    EXPECT_EQ(wrong.wait(), 2);
    child_program unknown{chaos_demo({"storms"}), {}, output::pipe};
    EXPECT_EQ(unknown.all_output(),
              "fusebox demo chaos: 'storms' is no service; there are: all, monkey, cascade, storm, real, target\n");
    EXPECT_EQ(unknown.wait(), 2);
}

// -- The anti-patterns, as `fusebox check` finds them ------------------------------------------------

struct verdict_of_check {
    std::string said;
    int status = 0;

    bool warns(const std::string& lint) const { return status == 4 && said.contains("[" + lint + "]"); }
};

verdict_of_check check_file(const std::string& text,
                            const std::vector<std::string>& options = {"--strict", "--quiet"}) {
    const std::string name = ::testing::TempDir() + "seed_003_" + std::to_string(::getpid()) + ".yaml";
    std::ofstream{name} << text;
    std::vector<std::string> command{FUSEBOX_PROGRAM, "check"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(name);
    child_program run{command, {}, output::pipe};
    verdict_of_check heard{run.all_output()};
    heard.status = run.wait();
    std::remove(name.c_str());
    return heard;
}

std::string file_with(const std::string& route, const std::string& known = "{}") {
    return "listen: \":8080\"\n"
           "upstreams: { orders: { endpoints: [\"10.0.0.1:80\"], expected: " +
           known + " } }\nroutes:\n  - { upstream: orders, " + route + " }\n";
}

// With a fallback, so that its lack is not what is found.
verdict_of_check check_route(const std::string& route, const std::string& known = "{}") {
    return check_file(file_with("fallback: { stale_if_error: 1h }, " + route, known));
}

TEST(seed_003_lints, A003_L1_one_failure_is_too_few) {
    const auto one = check_route("circuit_breaker: { consecutive_failures: 1, open_for: 300s, open_cap: 300s }");
    EXPECT_TRUE(one.warns("breaker-too-sensitive")) << one.said;
    EXPECT_TRUE(one.said.contains("opens at 1 failure, and then for 5m")) << one.said;
    EXPECT_EQ(check_route("circuit_breaker: { consecutive_failures: 3 }").status, 0);
}

TEST(seed_003_lints, A003_L2_a_recovery_shorter_than_two_deployments_flaps) {
    const auto flapping = check_route("circuit_breaker: { open_for: 5s }", "{ deployment: 10s }");
    EXPECT_TRUE(flapping.warns("recovery-too-short")) << flapping.said;
    EXPECT_EQ(check_route("circuit_breaker: { open_for: 20s }", "{ deployment: 10s }").status, 0);
}

TEST(seed_003_lints, A003_L3_a_route_needs_a_fallback) {
    EXPECT_TRUE(check_file(file_with("name: a")).warns("no-fallback"));
}

TEST(seed_003_lints, A003_L4_one_breaker_for_all_is_an_outage_for_all) {
    const auto both = [](const char* scope) {
        const std::string rest =
            std::string{", upstream: a, fallback: { stale_if_error: 1h }, circuit_breaker: { scope: "} + scope +
            " } }\n";
        return check_file("listen: \":8080\"\nupstreams: { a: { endpoints: [\"10.0.0.1:80\"] } }\nroutes:\n" +
                          ("  - { match: { path: /health }" + rest) + ("  - { match: { path: /orders }" + rest));
    };
    EXPECT_TRUE(both("upstream").warns("shared-breaker")) << both("upstream").said;
    EXPECT_EQ(both("route").status, 0) << both("route").said;
}

TEST(seed_003_lints, A003_L5_half_open_can_be_neither_skipped_nor_unlimited) {
    EXPECT_EQ(check_route("circuit_breaker: { half_open_calls: 0 }").status, 3);
    EXPECT_EQ(check_route("circuit_breaker: { half_open_calls: none }").status, 3);
    EXPECT_EQ(check_route("circuit_breaker: { half_open_concurrency: 20000 }").status, 3);
}

TEST(seed_003_lints, A003_L6_tries_must_fit_into_the_callers_time) {
    const auto too_many = check_route("timeout: { total: 10s, per_try: 5s }, retry: { max_attempts: 3 }");
    EXPECT_TRUE(too_many.warns("tries-exceed-total")) << too_many.said;
}

TEST(seed_003_lints, A003_L7_a_route_needs_a_timeout) {
    const auto none = check_route("timeout: { total: none, per_try: none }, circuit_breaker: none");
    EXPECT_TRUE(none.warns("no-timeout")) << none.said;
}

TEST(seed_003_lints, A003_L8_a_window_must_see_its_minimum_of_calls) {
    EXPECT_TRUE(check_route("name: a", "{ rate: 1 }").warns("window-too-small"));
    EXPECT_EQ(check_route("name: a", "{ rate: 100 }").status, 0);
}

TEST(seed_003_lints, A003_L9_a_preset_is_left_with_a_warning) {
    const auto left = check_route("circuit_breaker: { preset: database, failure_count_threshold: 50 }");
    EXPECT_TRUE(left.warns("outside-preset")) << left.said;
    EXPECT_TRUE(left.said.contains("is 50; for database 3 to 5 is usual")) << left.said;
}

TEST(seed_003_lints, A003_L9_lints_warn_and_do_not_refuse) {
    const std::string critical = file_with("circuit_breaker: { preset: critical, open_cap: 2m }");
    EXPECT_EQ(check_file(critical, {"--quiet"}).status, 0);
    EXPECT_EQ(check_file(critical).status, 4);
}

TEST(seed_003_lints, A003_G1_presets_are_named_in_a_file_and_shown_in_full) {
    struct expected_values {
        const char *preset, *failures, *open_for;
    };
    for (const auto& [preset, failures, open_for] : {expected_values{"external_api", "8", "45s"},
                                                     {"database", "4", "15s"},
                                                     {"internal_service", "13", "23s"},
                                                     {"cache", "25", "8s"},
                                                     {"ml_inference", "4", "90s"},
                                                     {"message_queue", "8", "30s"}}) {
        const auto shown = check_file(file_with("circuit_breaker: { preset: " + std::string{preset} + " }"), {});
        EXPECT_EQ(shown.status, 0);
        EXPECT_TRUE(shown.said.contains("failure_count_threshold: " + std::string{failures} + " ")) << shown.said;
        EXPECT_TRUE(shown.said.contains("open_for: " + std::string{open_for} + " ")) << shown.said;
        EXPECT_FALSE(shown.said.contains("[outside-preset]")) << shown.said;
    }
}

TEST(seed_003_lints, A003_checklist_a_route_that_follows_it_has_no_warnings) {
    const auto followed = check_route(
        "timeout: { total: 10s, per_try: 3s }, retry: { max_attempts: 3, budget: { percent: 20% } }, "
        "circuit_breaker: { preset: internal_service, scope: route }",
        "{ deployment: 10s, rate: 100 }");
    EXPECT_EQ(followed.status, 0) << followed.said;
}

}  // namespace
