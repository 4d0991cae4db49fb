#include "corpus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fusebox::gateway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string head = "listen: \":8080\"\nupstreams:\n  orders: { endpoints: [\"10.0.0.1:80\"] }\nroutes:\n";

configuration good(const std::string& text, environment from = variables()) {
    auto checked = read(text, from);
    EXPECT_TRUE(checked) << complaints(text, from);
    return checked ? checked->value : configuration{};
}

TEST(configuration_file, needs_seven_lines) {
    const auto text = slurp(corpus("good").front().parent_path() / "minimal.yaml");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
    const auto c = good(text);
    EXPECT_EQ(c.listen, (std::vector<socket_address>{{"", 8080}}));
    ASSERT_EQ(c.upstreams.size(), 1u);
    EXPECT_EQ(c.upstreams[0].endpoints[0].address, (socket_address{"10.0.0.1", 80}));
    EXPECT_FALSE(c.upstreams[0].options.check.enabled);
    ASSERT_EQ(c.routes.size(), 1u);
    EXPECT_EQ(c.routes[0].name, "/*");
    EXPECT_EQ(c.routes[0].timeout, route_timeouts{});
    ASSERT_TRUE(c.routes[0].retry);
    EXPECT_EQ(c.routes[0].retry->options.max_attempts, 3u);
    EXPECT_EQ(c.routes[0].retry->budget, retry_budget_options{});
    EXPECT_TRUE(c.routes[0].circuit_breaker);
    EXPECT_FALSE(c.routes[0].bulkhead || c.routes[0].hedge || c.routes[0].chaos || c.routes[0].cache);
}

TEST(configuration_file, means_what_the_example_says) {
    const auto c = good(slurp(corpus("good").front().parent_path() / "orders.yaml"));
    const auto& u = c.upstreams.at(0);
    EXPECT_EQ(u.endpoints.size(), 3u);
    EXPECT_TRUE(u.options.check.enabled);
    EXPECT_EQ(u.options.check.unhealthy_threshold, 3u);
    const auto& r = c.routes.at(0);
    EXPECT_EQ(r.match.path_prefix, "/api");
    EXPECT_EQ(r.timeout.connect, 200ms);
    EXPECT_EQ(r.timeout.idle, route_timeouts{}.idle);
    EXPECT_EQ(r.retry->on.statuses, (std::vector<status_range>{{502, 502}, {503, 503}, {504, 504}}));
    EXPECT_TRUE(r.retry->on.reset);
    EXPECT_FALSE(r.retry->on.timeout);
    EXPECT_EQ(r.circuit_breaker->options.open_for, 15s);
    EXPECT_EQ(r.circuit_breaker->options.window, (window_options{time_window{10, 1s}}));
    EXPECT_EQ(r.fallback->stale_if_error, duration{1h});
    EXPECT_EQ(r.fallback->then->status, 503);
}

TEST(configuration_file, puts_named_policies_where_they_are_named) {
    auto checked = read(slurp(corpus("good").front().parent_path() / "policies.yaml"));
    ASSERT_TRUE(checked);
    const auto& careful = checked->value.routes.at(0);
    EXPECT_EQ(careful.circuit_breaker->preset, "database");
    EXPECT_EQ(careful.circuit_breaker->options.failure_count_threshold, 4u);  // the preset's
    EXPECT_EQ(careful.circuit_breaker->options.open_for, 20s);                // the file's
    EXPECT_EQ(careful.retry->options.max_attempts, 2u);
    EXPECT_DOUBLE_EQ(careful.retry->budget->ratio, 0.1);
    EXPECT_FALSE(checked->value.routes.at(1).retry);
    EXPECT_TRUE(checked->unused_policies.empty());
}

TEST(configuration_file, puts_variables_in_place) {
    const auto text = slurp(corpus("good").front().parent_path() / "environment.yaml");
    const auto defaults = good(text);
    EXPECT_EQ(defaults.upstreams[0].endpoints[0].address, (socket_address{"127.0.0.1", 80}));
    EXPECT_EQ(defaults.routes[0].retry->options.max_attempts, 4u);
    EXPECT_EQ(defaults.routes[0].fallback->then->body, "costs ${5}");
    const auto set = good(text, variables({{"FUSEBOX_TEST_HOST", "orders.local"}, {"FUSEBOX_TEST_ATTEMPTS", "2"}}));
    EXPECT_EQ(set.upstreams[0].endpoints[0].address, (socket_address{"orders.local", 80}));
    EXPECT_EQ(set.routes[0].retry->options.max_attempts, 2u);
}

TEST(configuration_file, lets_no_variable_change_the_document) {
    const auto c =
        good("listen: \":80\"\nupstreams: { a: { endpoints: [\"h:1\"] } }\nroutes: [{ upstream: a, name: \"${N}\" }]\n",
             variables({{"N", "x\", upstream: b }] # listen: :81"}}));
    EXPECT_EQ(c.routes.at(0).name, "x\", upstream: b }] # listen: :81");
}

TEST(configuration_file, names_the_variable_whose_value_ends_with_a_line_end) {
    const auto said = [](const std::string& value, const std::string& text) {
        return complaints(head + "  - { upstream: orders, " + text + " }\n", variables({{"V", value}, {"W", "w"}}));
    };
    for (const char* text : {"name: \"${V}\"", "name: \"${W}${V}\"", "timeout: { total: \"${V}\" }",
                             "rewrite: { host: \"${V}\" }", "fallback: { then: { content_type: \"${V}\" } }"}) {
        EXPECT_THAT(said("10s\n", text), HasSubstr("the environment variable V has at its own end")) << text;
        EXPECT_THAT(said("1\r\nX: y", text), HasSubstr("has a control character")) << text;
    }
    EXPECT_EQ(said("one\ntwo\n", "fallback: { then: { body: \"${V}\" } }"), "");
}

TEST(configuration_file, takes_a_default_that_has_variables_of_its_own) {
    const auto name_of = [](const std::string& text, std::map<std::string, std::string> values) {
        return good(head + "  - { upstream: orders, name: '" + text + "' }\n", variables(std::move(values)))
            .routes.at(0)
            .name;
    };
    EXPECT_EQ(name_of("${A:-${B}}", {{"A", "a"}}), "a");
    EXPECT_EQ(name_of("${A:-${B}}", {{"B", "b"}}), "b");
    EXPECT_EQ(name_of("x${A:-y${B:-${C:-c}}z}.", {}), "xycz.");
    EXPECT_EQ(name_of("${A:-$${B}", {}), "${B");
    EXPECT_EQ(name_of("costs $$5, or 6 $", {}), "costs $5, or 6 $");
    EXPECT_EQ(name_of("${A}", {{"A", "$B ${C}"}}), "$B ${C}");
}

TEST(configuration_file, refuses_what_else_shells_do_with_variables) {
    for (const char* form : {"$A",     "$(a)",    "$1",     "$@",    "${A-b}",    "${A:?b}",   "${A?b}",   "${A:+b}",
                             "${A+b}", "${A:=b}", "${A=b}", "${#A}", "${A%b}",    "${A##b}",   "${A/b/c}", "${A:1:2}",
                             "${!A}",  "${A^^}",  "${}",    "${1}",  "${A:-{b}}", "${A:-${B}", "${A",      "$((1+1))"})
        EXPECT_THAT(complaints(head + "  - { upstream: orders, name: \"" + form + "\" }\n", variables({{"A", "a"}})),
                    HasSubstr("write"))
            << form;
}

TEST(configuration_file, brings_patterns_to_the_spelling_that_requests_are_compared_in) {
    const auto path = [](const std::string& text) {
        return good(head + "  - { upstream: orders, match: { path_prefix: \"" + text + "\" } }\n")
            .routes.at(0)
            .match.path_prefix;
    };
    EXPECT_EQ(path("/caf%c3%a9"), "/caf%C3%A9");
    EXPECT_EQ(path("/%61bc"), "/abc");
    EXPECT_EQ(path("/a/../b"), "/b");
    EXPECT_EQ(path("/a/./b/"), "/a/b/");
}

TEST(configuration_file, waits_for_trial_calls_twice_as_long_as_a_try_may_take) {
    const auto c = good(head + "  - { upstream: orders, timeout: { total: 30s, per_try: 8s } }\n");
    EXPECT_EQ(c.routes.at(0).circuit_breaker->options.trial_lease, 16s);
    const auto told =
        good(head +
             "  - { upstream: orders, timeout: { total: 30s, per_try: 8s }, circuit_breaker: { trial_lease: 10s } }\n");
    EXPECT_EQ(told.routes.at(0).circuit_breaker->options.trial_lease, 10s);
}

TEST(configuration_file, lets_a_try_take_the_total_at_most) {
    const auto c = good(head + "  - { upstream: orders, timeout: { total: 1s } }\n");
    EXPECT_EQ(c.routes.at(0).timeout.per_try, 1s);
}

TEST(configuration_file, takes_only_what_is_no_text_for_no_text) {
    for (const char* name : {"10.0.0.1", "5xx", "e1", "0xg", "1-a", "a:1", "not", "version-1.2.3"})
        EXPECT_EQ(good(head + "  - { upstream: orders, name: " + name + " }\n").routes.at(0).name, name);
    for (const char* name :
         {"1", "-1", "1.5", ".5", "1e3", "1.5E+3", "0x1F", "0o7", "1_000", "12:30", "2024-01-31", ".inf", "Yes", "OFF"})
        EXPECT_THAT(complaints(head + "  - { upstream: orders, name: " + name + " }\n"),
                    HasSubstr("write it in quotes"))
            << name;
}

TEST(configuration_file, switches_off_what_is_none) {
    const auto c =
        good(head +
             "  - { upstream: orders, retry: none, circuit_breaker: none, timeout: { total: none, per_try: none } }\n");
    EXPECT_FALSE(c.routes.at(0).retry);
    EXPECT_FALSE(c.routes.at(0).circuit_breaker);
    EXPECT_EQ(c.routes.at(0).timeout.total, duration::max());
    const auto generous = good(head + "  - { upstream: orders, retry: { budget: none } }\n");
    EXPECT_TRUE(generous.routes.at(0).retry->options.without_budget);
}

TEST(configuration_file, names_routes_by_what_they_match) {
    const auto c = good(head +
                        "  - { upstream: orders, match: { host: Example.com, path: /a, method: [GET, HEAD] } }\n"
                        "  - { upstream: orders, match: { path_prefix: /b } }\n");
    EXPECT_EQ(c.routes.at(0).name, "GET,HEAD example.com/a");
    EXPECT_EQ(c.routes.at(1).name, "/b*");
    EXPECT_THAT(complaints(head + "  - { upstream: orders }\n  - { upstream: orders }\n"),
                HasSubstr("f.yaml:6:5: error: routes[1]: is called \"/*\", as routes[0] is; give it another name"));
}

// Each bad file has, beside it, the exact text of all that is said of it.
TEST(configuration_file, says_all_that_is_wrong_at_once) {
    for (const char* folder : {"bad", "bad_by_meaning"}) {
        const auto files = corpus(folder);
        ASSERT_FALSE(files.empty());
        for (const auto& file : files) {
            auto expected = file;
            EXPECT_EQ(complaints(slurp(file)), slurp(expected.replace_extension(".txt"))) << file;
        }
    }
}

TEST(configuration_file, takes_all_good_files_and_reads_back_what_it_prints) {
    for (const auto& file : corpus("good")) {
        const auto first = read(slurp(file));
        ASSERT_TRUE(first) << file << "\n" << complaints(slurp(file));
        auto printed = effective_yaml(*first);
        // What is hidden has to be written again; the stars themselves would be guessed at once.
        if (const auto hidden = printed.find("\"***\""); hidden != std::string::npos)
            printed.replace(hidden, 5, "a-secret-token");
        const auto second = read(printed);
        ASSERT_TRUE(second) << file << "\n" << complaints(printed) << printed;
        const auto values_only = [](std::string text) {
            std::string out;
            for (std::size_t at = 0; at < text.size();) {
                const auto end = text.find('\n', at);
                const auto line = text.substr(at, end - at);
                out += line.substr(0, line.rfind("  # ")) + "\n";
                at = end + 1;
            }
            return out;
        };
        EXPECT_EQ(values_only(effective_yaml(*second)), values_only(effective_yaml(*first))) << file;
    }
}

TEST(configuration_file, knows_where_every_value_comes_from) {
    const auto text = head +
                      "  - upstream: orders\n"
                      "    timeout: { total: \"${T:-9s}\" }\n"
                      "    circuit_breaker: { preset: database, open_for: 20s }\n";
    const auto checked = read(text);
    ASSERT_TRUE(checked) << complaints(text);
    const auto printed = effective_yaml(*checked);
    EXPECT_THAT(printed, HasSubstr("      total: 9s  # environment T, f.yaml:6\n"));
    EXPECT_THAT(printed, HasSubstr("      per_try: 3s  # default\n"));
    EXPECT_THAT(printed, HasSubstr("      preset: database  # f.yaml:7\n"));
    EXPECT_THAT(printed, HasSubstr("      failure_count_threshold: 4  # preset database\n"));
    EXPECT_THAT(printed, HasSubstr("      open_for: 20s  # f.yaml:7\n"));
    EXPECT_THAT(printed, HasSubstr("      open_max: 5m  # default\n"));
    EXPECT_THAT(printed, HasSubstr("    hedge: none  # default\n"));
}

TEST(configuration_file, shows_no_secret) {
    const auto checked = read(head + "  - upstream: orders\nadmin: { listen: \"127.0.0.1:1\", token: \"${T}\" }\n",
                              variables({{"T", "hunter2"}}));
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->value.admin.token, "hunter2");
    EXPECT_EQ(effective_yaml(*checked).find("hunter2"), std::string::npos);
}

TEST(configuration_file, is_not_harmed_by_nonsense) {
    EXPECT_EQ(complaints(""), "f.yaml: error: is empty; the least is listen, upstreams and routes\n");
    EXPECT_THAT(complaints("a"),
                HasSubstr("f.yaml:1:1: error: is a single value; write a value of the type \"configuration\""));
    EXPECT_THAT(complaints(std::string(100, '[') + std::string(100, ']')), HasSubstr("is nested too deeply"));
    EXPECT_FALSE(read(std::string(100'000, '[')));
    EXPECT_THAT(complaints(std::string("a\0b", 3)), HasSubstr("has a NUL byte"));
    EXPECT_THAT(complaints("listen: a\n---\nlisten: b\n"),
                HasSubstr("f.yaml:2:1: error: a second document begins here"));
    EXPECT_THAT(complaints("? [a]\n: b\n"), HasSubstr("a key must be a plain word"));
    EXPECT_THAT(complaints("listen: !!str \":80\"\n"), HasSubstr("has the tag"));
    EXPECT_EQ(complaints("listen: \"\\e[31m\"\nupstreams: {}\nroutes: []\n").find('\033'), std::string::npos);
}

TEST(configuration_file, refuses_a_file_without_an_upstream) {
    for (const char* none : {"{}", "{ }"})
        EXPECT_EQ(complaints("listen: \":80\"\nupstreams: " + std::string{none} + "\nroutes: [{ upstream: a }]\n"),
                  "f.yaml:2:12: error: upstreams: has no upstream; write one, such as orders: { endpoints: "
                  "[\"10.0.0.1:80\"] }\n");
}

TEST(configuration_file, bounds_heads_by_what_can_be_read) {
    const std::string routes = "  - { upstream: orders }\n";
    EXPECT_EQ(good(head + routes + "limits: { head: 65535B, uri: 63KiB }\n").limits.head, 65535u);
    EXPECT_EQ(complaints(head + routes + "limits: { head: 64KiB }\n"),
              "f.yaml:6:17: error: limits.head: 64KiB must be at most 65535B, such as 63KiB: a head is never longer\n");
    EXPECT_EQ(complaints(head + routes + "limits: { head: 1MiB, uri: 64KiB }\n"),
              "f.yaml:6:17: error: limits.head: 1MiB must be at most 65535B, such as 63KiB: a head is never longer\n"
              "f.yaml:6:28: error: limits.uri: 64KiB must be at most 65535B, such as 63KiB: a head is never longer\n");
}

// What only the start could tell was told without a line.
TEST(configuration_file, refuses_routes_of_which_one_is_never_taken) {
    EXPECT_EQ(
        complaints(head + "  - { name: a, upstream: orders, match: { host: [x, y.example] } }\n"
                          "  - { name: b, upstream: orders, match: { host: z, path: /p } }\n"
                          "  - { name: c, upstream: orders, match: { host: Y.example } }\n"
                          "  - { name: d, upstream: orders, match: { path: /p, host: z } }\n"),
        "f.yaml:7:5: error: routes[2]: matches the same as routes[0].match.host[1], and would never be taken; give it "
        "another match, or remove it\n"
        "f.yaml:8:5: error: routes[3]: matches the same as routes[1], and would never be taken; give it another match, "
        "or remove it\n");
}

TEST(configuration_file, refuses_hosts_that_no_request_can_have) {
    for (const char* host : {"a..b", ".a", "a.", "*.", "*..a"})
        EXPECT_THAT(complaints(head + "  - { upstream: orders, match: { host: \"" + host + "\" } }\n"),
                    HasSubstr("f.yaml:5:40: error: routes[0].match.host: "))
            << host;
}

TEST(configuration_file, listens_on_addresses_of_the_machine_and_on_localhost) {
    const auto listening = [](const std::string& listen, const std::string& admin) {
        return complaints("listen: " + listen + "\nadmin: " + admin +
                          "\nupstreams: { a: { endpoints: [\"h:1\"] } }\nroutes: [{ upstream: a }]\n");
    };
    for (const char* good : {"\"localhost:8080\"", "\"[::1]:80\"", "\"127.0.0.1:80\"",
                             "[\"127.0.0.1:80\", \"[::1]:80\"]", "[\":0\", \":0\"]"})
        EXPECT_EQ(listening(good, "\"localhost:9901\""), "") << good;
    EXPECT_EQ(listening("[\":80\", \"gateway.local:8080\"]", "\"127.0.0.1:9901\""),
              "f.yaml:1:17: error: listen[1]: \"gateway.local:8080\" is a name; write an IP address of this machine, "
              "localhost, or the port alone, \":8080\", for all its addresses\n");
    EXPECT_EQ(listening("[\":80\", \"127.0.0.1:80\"]", "\"127.0.0.1:9901\""),
              "f.yaml:1:17: error: listen[1]: has 127.0.0.1:80, which :80 takes already; remove one\n");
    EXPECT_EQ(listening("\"localhost:9901\"", "\"[::1]:9901\""),
              "f.yaml:2:8: error: admin.listen: is an address of listen too; give the admin API a port of its own\n");
    EXPECT_EQ(
        complaints("listen: \":9901\"\nupstreams: { a: { endpoints: [\"h:1\"] } }\nroutes: [{ upstream: a }]\n"),
        "f.yaml:1:9: error: listen: takes the address of the admin API, 127.0.0.1:9901, too; give that a port of its "
        "own by admin:\n");
}

TEST(configuration_file, lets_no_two_breakers_have_one_name) {
    const std::string shared = "  - { name: all, upstream: orders }\n";
    EXPECT_EQ(
        complaints(head + shared +
                   "  - { name: orders, upstream: orders, match: { path: /a }, circuit_breaker: { scope: route } }\n"),
        "f.yaml:6:13: error: routes[1].name: has a breaker of the name \"orders\", and so has the upstream \"orders\"; "
        "give the route another name\n");
    EXPECT_EQ(
        complaints(head +
                   "  - { name: \"orders/10.0.0.1:80\", upstream: orders, circuit_breaker: { scope: route } }\n"
                   "  - { name: b, upstream: orders, match: { path: /a }, circuit_breaker: { scope: endpoint } }\n"),
        "f.yaml:5:13: error: routes[0].name: has a breaker of the name \"orders/10.0.0.1:80\", and so has the endpoint "
        "10.0.0.1:80 of the upstream \"orders\"; give the route another name\n");
    EXPECT_EQ(complaints(head + shared + "  - { name: orders, upstream: orders, match: { path: /a } }\n"), "")
        << "they share one";
}

TEST(configuration_file, says_what_answers_and_errors_mean) {
    const auto c = good(head + "  - { upstream: orders, outcomes: { client_error: failure, reset: ignored } }\n");
    const outcome_rules& means = c.routes.at(0).outcomes;
    EXPECT_EQ(means.of_status(404), outcome::failure);
    EXPECT_EQ(means.of_status(503), outcome::failure) << "as it was";
    EXPECT_EQ(means.of(outcome_class::reset), outcome::ignored);
    EXPECT_EQ(
        complaints(head + "  - { upstream: orders, outcomes: { server_error: ignore } }\n"),
        "f.yaml:5:51: error: routes[0].outcomes.server_error: \"ignore\" is no outcome; did you mean \"ignored\"?\n");
}

}  // namespace
}  // namespace fusebox::gateway
