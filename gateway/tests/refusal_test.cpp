// What a client reads when the gateway answers by itself.
#include "messages/refusal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

struct collected final : field_sink {
    std::map<std::string, std::string> fields;
    void add(std::string_view name, std::string_view value) override { fields.emplace(name, value); }
};

std::string written(const proxy_status& status) {
    std::string out;
    status.append_to(out);
    return out;
}

TEST(proxy_status, is_a_member_of_a_structured_list) {
    EXPECT_EQ(written({.proxy = "fusebox", .error = "destination_unavailable", .details = "breaker=orders open 7s"}),
              R"(fusebox; error=destination_unavailable; details="breaker=orders open 7s")");
    EXPECT_EQ(written({.proxy = "fusebox", .error = "", .received_status = 503, .next_hop = "10.0.0.1:80"}),
              R"(fusebox; received-status=503; next-hop="10.0.0.1:80")");
}

TEST(proxy_status, quotes_and_escapes_what_is_no_token) {
    EXPECT_EQ(written({.proxy = "1st floor", .error = ""}), R"("1st floor")");
    EXPECT_EQ(written({.proxy = "a,b", .error = ""}), R"("a,b")");
    EXPECT_EQ(written({.proxy = "f", .error = "dns_error", .details = "say \"no\" \\ \r\n\xc3\xa9"}),
              R"(f; error=dns_error; details="say \"no\" \\ ????")");
}

TEST(retry_after, is_at_least_a_second_never_too_early_and_spread) {
    EXPECT_EQ(retry_after_seconds(0s, 0), 1u);
    EXPECT_EQ(retry_after_seconds(-5s, 0.5), 1u);
    EXPECT_EQ(retry_after_seconds(1ms, 0), 1u);
    EXPECT_EQ(retry_after_seconds(6200ms, 0), 7u);
    EXPECT_EQ(retry_after_seconds(100s, 0), 100u);
    EXPECT_EQ(retry_after_seconds(100s, 0.999), 120u);
    EXPECT_GT(retry_after_seconds(duration::max(), 0.5), 9'000'000'000u);
}

TEST(preferred_body, is_the_problem_document_unless_the_client_wants_text) {
    using enum body_kind;
    EXPECT_EQ(preferred_body(""), problem_json);
    EXPECT_EQ(preferred_body("*/*"), problem_json);
    EXPECT_EQ(preferred_body("application/json"), problem_json);
    EXPECT_EQ(preferred_body("Application/Problem+JSON;q=0.5, text/*;q=0.5"), problem_json);
    EXPECT_EQ(preferred_body("text/plain"), text);
    EXPECT_EQ(preferred_body("image/png"), text);
    EXPECT_EQ(preferred_body("*/*, application/*;q=0"), text);
    EXPECT_EQ(preferred_body("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), text);
    EXPECT_EQ(preferred_body("text/plain;q=0.1, */*"), problem_json);
    EXPECT_EQ(preferred_body(",;,/,q=,text"), text);
}

TEST(refusal, says_status_reason_and_when_to_come_again) {
    collected head;
    std::string body = "left over";
    const refusal r{.what = incident::circuit_open,
                    .upstream = "orders",
                    .details = "breaker=orders open 7s",
                    .circuit_state = "open",
                    .retry_after = 7s,
                    .request_id = "abc"};
    write_refusal(r, "fusebox", body_kind::problem_json, 0, head, body);
    EXPECT_EQ(r.effective_status(), 503);
    EXPECT_EQ(head.fields,
              (std::map<std::string, std::string>{
                  {"Proxy-Status", R"(fusebox; error=destination_unavailable; details="breaker=orders open 7s")"},
                  {"Retry-After", "7"},
                  {"Cache-Control", "no-store"},
                  {"X-Request-Id", "abc"},
                  {"Content-Type", "application/problem+json"}}));
    EXPECT_EQ(body, R"({"type":"about:blank","title":"Service Unavailable","status":503,)"
                    R"("detail":"The circuit breaker is open","error":"circuit_open","service":"orders",)"
                    R"("circuit_state":"open","details":"breaker=orders open 7s","retry_after":7,"request_id":"abc"})"
                    "\n");
}

TEST(refusal, is_one_line_of_text_otherwise_and_lets_nobody_begin_another) {
    collected head;
    std::string body;
    write_refusal({.what = incident::response_timeout, .details = "after 1s\r\nSet-Cookie: x", .request_id = "abc"},
                  "fusebox", body_kind::text, 0, head, body);
    EXPECT_EQ(body, "504 The upstream did not answer in time: after 1s??Set-Cookie: x. Request abc\n");
    EXPECT_EQ(head.fields.count("Retry-After"), 0u);
    EXPECT_EQ(head.fields.at("Proxy-Status"),
              R"(fusebox; error=http_response_timeout; details="after 1s??Set-Cookie: x")");
}

TEST(refusal, escapes_what_would_break_out_of_the_document) {
    collected head;
    std::string body;
    write_refusal({.what = incident::no_route, .details = "\"}\\\n\x01<script>"}, "fusebox", body_kind::problem_json, 0,
                  head, body);
    EXPECT_NE(body.find(R"("details":"\"}\\\u000a\u0001<script>")"), std::string::npos) << body;
}

TEST(refusal, tells_of_waiting_where_waiting_helps) {
    for (std::size_t i = 0; i < incident_count; ++i) {
        collected head;
        std::string body;
        const refusal r{.what = static_cast<incident>(i)};
        write_refusal(r, "fusebox", body_kind::problem_json, 0, head, body);
        const bool helps = r.effective_status() == 503 || r.effective_status() == 429;
        EXPECT_EQ(head.fields.count("Retry-After"), helps ? 1u : 0u) << row_of(r.what).name;
        EXPECT_EQ(head.fields.at("Cache-Control"), "no-store");
    }
}

}  // namespace
