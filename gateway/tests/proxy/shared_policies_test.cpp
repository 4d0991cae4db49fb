// Policies of an upstream, which all its routes share.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

class shared_policies : public proxying {
protected:
    shared_policies() {
        route_configuration second = route();
        route().match.path_prefix = "/first";
        second.name = "second";
        second.match.path_prefix = "/second";
        configured.routes.push_back(second);
    }
    upstream_configuration& orders() { return configured.upstreams[0]; }
    peer& ask(std::string_view path) {
        peer& c = client();
        send(c, "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
        return c;
    }
};

}  // namespace

TEST_F(shared_policies, a_bulkhead_counts_the_calls_of_all_routes) {
    orders().bulkhead = bulkhead_options{.max_concurrent = 1};
    peer& first = ask("/first");
    peer& o = origin();
    head(o);
    EXPECT_THAT(head(ask("/second")), StartsWith("HTTP/1.1 503"));
    send(o, ok);
    EXPECT_THAT(head(first), StartsWith("HTTP/1.1 200"));
    ask("/second");
    EXPECT_THAT(head(o), StartsWith("GET /second"));
}

TEST_F(shared_policies, a_route_has_its_own_bulkhead_beside_it) {
    orders().bulkhead = bulkhead_options{.max_concurrent = 2};
    route().bulkhead = bulkhead_options{.max_concurrent = 1};
    ask("/first");
    head(origin());
    EXPECT_THAT(head(ask("/first")), StartsWith("HTTP/1.1 503"));
    ask("/second");
    EXPECT_THAT(head(origin()), StartsWith("GET /second"));
    EXPECT_THAT(head(ask("/second")), StartsWith("HTTP/1.1 503"));
}

TEST_F(shared_policies, a_rate_limit_is_for_all_routes_together) {
    orders().rate_limit = rate_limit_configuration{.bucket = {.rate = 0.001, .burst = 1}};
    ask("/first");
    head(origin());
    EXPECT_THAT(head(ask("/second")), StartsWith("HTTP/1.1 429"));
}

TEST_F(shared_policies, a_retry_budget_pays_for_the_tries_of_all_routes) {
    constexpr std::uint32_t extra = 3;
    orders().retry_budget = retry_budget_options{.ratio = 0, .min_per_second = extra, .window = 1s};
    for (route_configuration& r : configured.routes) {
        r.circuit_breaker.reset();
        r.retry = retry_configuration{};
        r.retry->options.max_attempts = 2;
        r.retry->options.base = 1ms;
        r.retry->options.jitter = jitter_kind::none;
    }
    close_origin();
    for (const char* path : {"/first", "/second", "/first", "/second", "/first", "/second"}) {
        peer& c = ask(path);
        pass(10ms);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 502"));
    }
    EXPECT_EQ(plan_->routes()[0]->counts[0].tries + plan_->routes()[1]->counts[0].tries, 6 + extra);
}

}  // namespace fusebox::gateway
