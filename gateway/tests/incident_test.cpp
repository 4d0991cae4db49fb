// What each thing that can happen says of the upstream, and which status and error it becomes.
#include "messages/incident.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

// The types of RFC 9209, section 2.3, with the statuses that it recommends; 0 where it leaves the choice.
const std::map<std::string, int, std::less<>> rfc9209 = {{"dns_timeout", 504},
                                                         {"dns_error", 502},
                                                         {"destination_not_found", 500},
                                                         {"destination_unavailable", 503},
                                                         {"destination_ip_prohibited", 502},
                                                         {"destination_ip_unroutable", 502},
                                                         {"connection_refused", 502},
                                                         {"connection_terminated", 502},
                                                         {"connection_timeout", 504},
                                                         {"connection_read_timeout", 504},
                                                         {"connection_write_timeout", 504},
                                                         {"connection_limit_reached", 503},
                                                         {"tls_protocol_error", 502},
                                                         {"tls_certificate_error", 502},
                                                         {"tls_alert_received", 502},
                                                         {"http_request_error", 0},
                                                         {"http_request_denied", 403},
                                                         {"http_response_incomplete", 502},
                                                         {"http_response_header_section_size", 502},
                                                         {"http_response_header_size", 502},
                                                         {"http_response_body_size", 502},
                                                         {"http_response_trailer_section_size", 502},
                                                         {"http_response_trailer_size", 502},
                                                         {"http_response_transfer_coding", 502},
                                                         {"http_response_content_coding", 502},
                                                         {"http_response_timeout", 504},
                                                         {"http_upgrade_failed", 502},
                                                         {"http_protocol_error", 502},
                                                         {"proxy_internal_response", 0},
                                                         {"proxy_internal_error", 500},
                                                         {"proxy_configuration_error", 500},
                                                         {"proxy_loop_detected", 502}};

TEST(incident, line_46_becomes_an_error_of_rfc_9209_with_its_status) {
    // Where we differ, and why: a path without a route is the client's mistake, and a rate limit has its own status.
    const std::map<incident, int> ours = {{incident::no_route, 404}, {incident::rate_limited, 429}};
    for (std::size_t i = 0; i < incident_count; ++i) {
        const incident_row& row = row_of(static_cast<incident>(i));
        if (row.error.empty()) continue;
        const auto known = rfc9209.find(row.error);
        ASSERT_NE(known, rfc9209.end()) << row.error;
        const auto other = ours.find(row.what);
        const int expected = other != ours.end() ? other->second : known->second;
        EXPECT_TRUE(expected == 0 || row.status == expected) << row.name;
    }
}

TEST(incident, has_a_name_of_its_own_and_a_sentence) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < incident_count; ++i) {
        const incident_row& row = row_of(static_cast<incident>(i));
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_FALSE(row.title.empty());
        EXPECT_GE(row.status, 400);
    }
}

TEST(incident, is_502_when_the_dependency_failed_503_when_we_refused_and_504_when_time_ran_out) {
    const std::vector<std::pair<incident, int>> expected = {
        {incident::connection_refused, 502}, {incident::response_incomplete, 502}, {incident::circuit_open, 503},
        {incident::bulkhead_full, 503},      {incident::no_endpoint, 503},         {incident::connection_timeout, 504},
        {incident::response_timeout, 504},   {incident::total_timeout, 504}};
    for (const auto& [what, status] : expected) EXPECT_EQ(row_of(what).status, status) << row_of(what).name;
}

TEST(outcome_rules, are_those_of_the_table) {
    const outcome_rules rules;
    using enum incident;
    for (const incident i :
         {dns_error, dns_timeout, connection_refused, connection_timeout, tls_certificate_error, connection_terminated,
          connection_read_timeout, response_timeout, response_incomplete, response_malformed, total_timeout})
        EXPECT_EQ(outcome_of(i, rules), outcome::failure) << row_of(i).name;
    for (const incident i : {client_gone, client_slow, client_malformed, reuse_race, hedge_lost})
        EXPECT_EQ(outcome_of(i, rules), outcome::ignored) << row_of(i).name;
    for (const incident i : {circuit_open, no_endpoint, bulkhead_full, rate_limited, no_route, loop_detected, draining})
        EXPECT_EQ(outcome_of(i, rules), outcome::rejected) << row_of(i).name;
    EXPECT_EQ(rules.of_status(200), outcome::success);
    EXPECT_EQ(rules.of_status(304), outcome::success);
    EXPECT_EQ(rules.of_status(404), outcome::success);
    EXPECT_EQ(rules.of_status(500), outcome::failure);
    EXPECT_EQ(rules.of_status(599), outcome::failure);
}

TEST(outcome_rules, line_52_take_503_for_a_failure_and_429_for_pushback) {
    const outcome_rules rules;
    EXPECT_EQ(rules.of_status(503), outcome::failure);
    EXPECT_EQ(rules.of_status(429), outcome::pushback);
    EXPECT_EQ(verdict_of(outcome::pushback), verdict::ignored);
    EXPECT_EQ(verdict_of(outcome::rejected), verdict::ignored);
    EXPECT_EQ(verdict_of(outcome::failure), verdict::failure);
}

TEST(outcome_rules, are_configurable_by_class_within_reason) {
    outcome_rules rules;
    EXPECT_FALSE(rules.set(outcome_class::client_error, outcome::failure));
    EXPECT_EQ(rules.of_status(404), outcome::failure);
    EXPECT_EQ(rules.of_status(429), outcome::pushback);
    EXPECT_FALSE(rules.set(outcome_class::protocol, outcome::ignored));
    EXPECT_EQ(rules.set(outcome_class::ours, outcome::failure)->option, "outcomes.ours");
    EXPECT_EQ(rules.set(outcome_class::client, outcome::failure)->option, "outcomes.client");
    EXPECT_EQ(rules.set(outcome_class::race, outcome::failure)->value, "failure");
    EXPECT_TRUE(rules.set(outcome_class::reset, outcome::rejected));
    EXPECT_EQ(outcome_of(incident::circuit_open, rules), outcome::rejected);
}

TEST(retry_after, is_read_as_seconds_or_as_a_date) {
    constexpr std::int64_t at = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
    EXPECT_EQ(parse_retry_after("120", 0), 120s);
    EXPECT_EQ(parse_retry_after(" 0 ", 0), 0s);
    EXPECT_EQ(parse_retry_after("99999999999999999999999999", 0), 365 * 24h);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at - 5), 5s);
    EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", at - 5), 5s);
    EXPECT_EQ(parse_retry_after("Sun Nov  6 08:49:37 1994", at - 5), 5s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at + 5), 0s);  // it is over
    for (const char* wrong :
         {"", "-1", "+1", "1.5", "1 2", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMTx", "Sun Nov 06 08:49:37"})
        EXPECT_EQ(parse_retry_after(wrong, 0), std::nullopt) << wrong;
}

}  // namespace
