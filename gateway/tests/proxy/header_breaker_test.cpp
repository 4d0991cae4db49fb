// Each value of a header has a breaker of its own.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

class breakers_by_header : public proxying {
protected:
    breakers_by_header() {
        auto& b = *route().circuit_breaker;
        b.scope = {breaker_scope::kind::header, "X-Tenant"};
        b.options = {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0};
    }
    static std::string of(std::string_view tenant) {
        return "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: " + std::string(tenant) + "\r\n\r\n";
    }
};

}  // namespace

TEST_F(breakers_by_header, one_tenant_s_broken_back_end_does_not_close_the_door_on_the_others) {
    exchange(of("acme"), broken);
    const std::string answer = refused(of("acme"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(answer, HasSubstr("details=\"breaker all/X-Tenant=acme: Circuit breaker is OPEN. Retry in 20s\""));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 2"));
    EXPECT_THAT(exchange(of("umbrella"), ok).answered, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(exchange(get, ok).answered, StartsWith("HTTP/1.1 200")) << "no value is a value, too";
    clock.advance(20s);
    EXPECT_THAT(exchange(of("acme"), ok).answered, StartsWith("HTTP/1.1 200"));
}

TEST_F(breakers_by_header, several_lines_are_one_key_of_all_of_them) {
    exchange(of("acme\r\nX-Tenant: other"), broken);
    EXPECT_THAT(exchange(of("acme"), ok).answered, StartsWith("HTTP/1.1 200")) << "its circuit is another";
    EXPECT_THAT(refused(of("acme, other")), StartsWith("HTTP/1.1 503"));
}

TEST_F(breakers_by_header, a_stranger_can_neither_fill_the_memory_nor_break_the_metrics) {
    exchange(of("a b\"\xc3\xa9"), broken);
    exchange(of(std::string(5000, 'x')), broken);
    const std::string told = metrics();
    EXPECT_THAT(told, HasSubstr("circuit_breaker_state{service=\"all/X-Tenant=a%20b\\\"%c3%a9\"} 1\n"));
    EXPECT_THAT(told, Not(HasSubstr(std::string(130, 'x'))));
    EXPECT_THAT(refused(of(std::string(5000, 'x'))), StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(exchange(of(std::string(5001, 'x')), ok).answered, StartsWith("HTTP/1.1 200"));
    const keyed_snapshot known = plan_->routes()[0]->breaker_of->snapshot();
    EXPECT_EQ(known.size, 3u);
    EXPECT_EQ(known.capacity, 1000u);
}

TEST_F(breakers_by_header, a_breaker_is_held_no_longer_than_its_requests) {
    exchange(of("acme"), ok);
    EXPECT_EQ(plan_->routes()[0]->breaker_of->get("acme").use_count(), 2) << "the table's, and this one";
}

TEST_F(breakers_by_header, the_snapshot_names_them) {
    exchange(of("acme"), broken);
    EXPECT_THAT(snapshot(), HasSubstr("\"name\": \"all/X-Tenant=acme\""));
}

}  // namespace fusebox::gateway
