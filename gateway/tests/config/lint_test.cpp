#include "corpus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fusebox::gateway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The warnings about one route to an upstream of which `expected` is known.
std::string warnings(const std::string& route, const std::string& expected = "{}") {
    const auto text =
        "listen: \":8080\"\n"
        "upstreams:\n"
        "  orders: { endpoints: [\"10.0.0.1:80\"], expected: " +
        expected +
        " }\n"
        "routes:\n"
        "  - { upstream: orders, fallback: { stale_if_error: 1h }, " +
        route + " }\n";
    const auto checked = read(text);
    if (!checked) return complaints(text);
    std::string all;
    for (const auto& d : lint(*checked)) all += d.text() + "\n";
    return all;
}

TEST(lint, has_nothing_to_say_of_defaults_with_a_fallback) {
    EXPECT_EQ(warnings("name: a"), "");
}

TEST(lint, warns_of_a_threshold_of_one) {
    EXPECT_EQ(
        warnings("circuit_breaker: { consecutive_failures: 1, open_for: 30s }"),
        "f.yaml:5:100: warning: routes[0].circuit_breaker.consecutive_failures: opens at 1 failure, and then for 30s: "
        "a blip becomes an outage; write 3 to 5 at least [breaker-too-sensitive]\n");
    EXPECT_EQ(warnings("circuit_breaker: { consecutive_failures: 3 }"), "");
    EXPECT_THAT(warnings("circuit_breaker: { preset: critical, open_cap: 2m }"), HasSubstr("[breaker-too-sensitive]"));
    EXPECT_THAT(warnings("circuit_breaker: { minimum_calls: 2 }"), HasSubstr("lets 2 calls decide about a rate"));
}

TEST(lint, warns_of_a_status_that_is_never_tried_again) {
    EXPECT_EQ(warnings("retry: { retry_on: [429, 503] }"),
              "f.yaml:5:78: warning: routes[0].retry.retry_on: has 429, which is a pushback and no failure, so it is "
              "never tried again; remove it, or write outcomes: { too_many: failure } [never-retried]\n");
    EXPECT_THAT(warnings("retry: { retry_on: [404] }"), HasSubstr("client_error: failure } [never-retried]"));
    EXPECT_THAT(warnings("retry: { retry_on: [503] }, outcomes: { server_error: ignored }"),
                HasSubstr("server_error: failure } [never-retried]"));
    EXPECT_EQ(warnings("retry: { retry_on: [429] }, outcomes: { too_many: failure }"), "");
    EXPECT_EQ(warnings("retry: { retry_on: [4xx], max_attempts: 1 }"), "");
}

TEST(lint, warns_of_a_recovery_shorter_than_two_deployments) {
    EXPECT_THAT(warnings("circuit_breaker: { open_for: 15s }", "{ deployment: 10s }"),
                AllOf(HasSubstr("is 15s, and a deployment takes 10s"),
                      HasSubstr("write twice that, 20s [recovery-too-short]")));
    EXPECT_EQ(warnings("circuit_breaker: { open_for: 20s }", "{ deployment: 10s }"), "");
}

TEST(lint, warns_of_a_route_without_fallback) {
    const auto checked = read(slurp(corpus("good").front().parent_path() / "minimal.yaml"));
    const auto found = lint(checked.value());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].lint, "no-fallback");
    EXPECT_EQ(found[0].path, "routes[0]");
}

TEST(lint, warns_of_tries_that_do_not_fit_into_the_total) {
    const auto with = [](const char* total) {
        return warnings("timeout: { total: " + std::string{total} + ", per_try: 1s }, retry: { max_attempts: 3 }");
    };
    EXPECT_THAT(with("2s"),
                HasSubstr("3 tries of 1s do not fit into the total of 2s; write a per_try of 666ms at most"));
    EXPECT_EQ(with("3s"), "");
}

TEST(lint, warns_of_retries_that_multiply_an_outage) {
    EXPECT_THAT(warnings("retry: { max_attempts: 4, budget: none }, hedge: { delay: 1s }"),
                HasSubstr("gets 8 times its load; write budget: { percent: 20% } [retry-amplification]"));
    EXPECT_THAT(warnings("retry: { budget: { percent: 60% } }"), HasSubstr("gets up to 1.6 times its load"));
    EXPECT_EQ(warnings("retry: { max_attempts: 1, budget: none }"), "");
}

TEST(lint, warns_of_a_bulkhead_smaller_than_its_load) {
    EXPECT_THAT(
        warnings("bulkhead: { max_concurrent: 8 }", "{ rate: 100, latency: 100ms }"),
        HasSubstr("is 8, and 100 calls a second of 100ms are 10 at the same time; write 15 [bulkhead-too-small]"));
    EXPECT_EQ(warnings("bulkhead: { max_concurrent: 10 }", "{ rate: 100, latency: 100ms }"), "");
    EXPECT_EQ(warnings("bulkhead: { max_concurrent: 1 }"), "");
}

TEST(lint, warns_of_a_window_that_never_has_its_minimum) {
    EXPECT_THAT(warnings("name: a", "{ rate: 1 }"),
                HasSubstr("sees about 10 calls at 1 a second, and minimum_calls is 20"));
    EXPECT_EQ(warnings("name: a", "{ rate: 2 }"), "");
}

TEST(lint, warns_of_values_outside_the_range_of_their_preset) {
    EXPECT_THAT(warnings("circuit_breaker: { preset: database, open_for: 1m }"),
                HasSubstr("is 1m; for database 10s to 20s is usual (critical, expected back soon) [outside-preset]"));
    EXPECT_EQ(warnings("circuit_breaker: { preset: database }"), "");
}

TEST(lint, warns_of_a_route_without_any_timeout) {
    EXPECT_THAT(warnings("timeout: { total: none, per_try: none }, circuit_breaker: none"), HasSubstr("[no-timeout]"));
}

TEST(lint, warns_of_routes_that_share_a_breaker) {
    const std::string text =
        "listen: \":80\"\nupstreams: { a: { endpoints: [\"h:1\"] }, b: { endpoints: [\"h:2\"] } }\n"
        "policies: { retry: { never: { max_attempts: 1 } } }\n"
        "routes:\n  - { match: { path: /x }, upstream: a }\n  - { match: { path: /y }, upstream: a }\n";
    const auto checked = read(text);
    std::string all;
    for (const auto& d : lint(checked.value())) all += d.text() + "\n";
    EXPECT_THAT(all,
                HasSubstr("routes[1].circuit_breaker.scope: is upstream, so this route shares a breaker with \"/x\""));
    EXPECT_THAT(all, HasSubstr("policies.retry.never: is used by no route"));
    EXPECT_THAT(all, HasSubstr("upstreams.b: is used by no route"));
    EXPECT_THAT(all, Not(HasSubstr("upstreams.a:")));
}

}  // namespace
}  // namespace fusebox::gateway
