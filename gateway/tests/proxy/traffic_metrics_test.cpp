// What is counted of the traffic, as Prometheus reads it.
#include "plan/timings.hpp"
#include "raw_peers.hpp"

#include <ctime>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace fusebox::gateway {

namespace {

// A whole exchange.
class counted_traffic : public proxying {
protected:
    std::string round(std::string_view request = get, std::string_view response = ok) {
        peer& c = client();
        send(c, request);
        peer& o = origin();
        head(o);
        send(o, response);
        std::string answer = head(c);
        cut(o);
        settle();
        return answer;
    }
};

TEST_F(counted_traffic, requests_are_counted_by_service_method_and_status) {
    serve();
    EXPECT_THAT(metrics(),
                HasSubstr("http_requests_total{service=\"orders\",route=\"all\",method=\"GET\",code=\"200\"} 0\n"))
        << "what is absent is not 0";
    (void)round();
    (void)round(get, broken);
    (void)round("BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string text = metrics();
    for (const char* sample : {"method=\"GET\",code=\"200\"} 1\n", "method=\"GET\",code=\"500\"} 1\n",
                               "method=\"_OTHER\",code=\"200\"} 1\n"})
        EXPECT_THAT(text, HasSubstr(std::string("http_requests_total{service=\"orders\",route=\"all\",") + sample));
}

TEST_F(counted_traffic, a_client_that_is_gone_is_499) {
    peer& c = client();
    send(c, get);
    head(origin());
    cut(c);
    settle();
    EXPECT_THAT(metrics(), HasSubstr("method=\"GET\",code=\"499\"} 1\n"));
}

TEST_F(counted_traffic, durations_of_requests_and_of_tries_are_histograms) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    pass(60ms);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    (void)head(c);
    pass(2s);
    send(o, "k");
    settle();
    const std::string text = metrics();
    const std::string of =
        "{http_route=\"all\",http_request_method=\"GET\",http_response_status_code=\"200\",error_type=\"\","
        "url_scheme=\"http\"";
    EXPECT_THAT(text, HasSubstr("http_client_request_duration_seconds_bucket" + of + ",le=\"0.05\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("http_client_request_duration_seconds_bucket" + of + ",le=\"0.075\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("http_client_request_duration_seconds_count" + of + "} 1\n"));
    EXPECT_THAT(text, HasSubstr("http_server_request_duration_seconds_bucket" + of + ",le=\"1\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("http_server_request_duration_seconds_bucket" + of + ",le=\"2.5\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("http_server_request_duration_seconds_bucket" + of + ",le=\"+Inf\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("http_server_request_duration_seconds_sum" + of + "} 2.0"));
}

TEST_F(counted_traffic, a_try_that_failed_says_of_what) {
    serve();
    close_origin();
    peer& c = client();
    send(c, get);
    (void)head(c);
    EXPECT_THAT(metrics(),
                HasSubstr("http_client_request_duration_seconds_count{http_route=\"all\",http_request_method=\"GET\","
                          "http_response_status_code=\"\",error_type=\"connection_refused\",url_scheme=\"http\"} 1\n"));
}

TEST_F(counted_traffic, requests_without_a_route_are_counted_by_themselves) {
    route().match.path_prefix = "/orders";
    (void)refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)refused("nonsense\r\n\r\n");
    peer& c = client();
    send(c, "GET /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    (void)head(c);
    const std::string text = metrics();
    EXPECT_THAT(text, HasSubstr("fusebox_unrouted_requests_total{code=\"404\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("fusebox_unrouted_requests_total{code=\"400\"} 1\n")) << "not what had a route";
    EXPECT_THAT(text,
                HasSubstr("http_requests_total{service=\"orders\",route=\"all\",method=\"GET\",code=\"400\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("fusebox_connections_accepted_total 3\n"));
    EXPECT_THAT(text, HasSubstr("fusebox_connections_shed_total 0\n"));
}

TEST_F(counted_traffic, policies_say_how_much_room_they_have) {
    route().retry.emplace();
    route().bulkhead = bulkhead_options{.max_concurrent = 7};
    route().rate_limit = rate_limit_configuration{.bucket = {.burst = 5}};
    route().adaptive_limit.emplace();
    route().throttle.emplace();
    peer& c = client();
    send(c, get);
    head(origin());
    const std::string text = metrics();
    for (const char* sample : {"fusebox_bulkhead_limit{service=\"orders\",route=\"all\"} 7\n",
                               "fusebox_bulkhead_in_use{service=\"orders\",route=\"all\"} 1\n",
                               "fusebox_adaptive_limit_in_use{service=\"orders\",route=\"all\"} 1\n",
                               "fusebox_throttle_refusal_ratio{service=\"orders\",route=\"all\"} 0\n"})
        EXPECT_THAT(text, HasSubstr(sample));
    for (const char* name :
         {"fusebox_retry_budget_available", "fusebox_rate_limit_available", "fusebox_adaptive_limit"})
        EXPECT_TRUE(std::regex_search(
            text, std::regex("\n" + std::string(name) + "\\{service=\"orders\",route=\"all\"\\} [1-9]")))
            << name;
    EXPECT_THAT(text, HasSubstr("fusebox_connections_open 1\n"));
}

TEST_F(counted_traffic, what_all_routes_to_an_upstream_share_is_shown_once) {
    configured.upstreams[0].bulkhead = bulkhead_options{.max_concurrent = 9};
    configured.upstreams[0].retry_budget.emplace();
    route().bulkhead = bulkhead_options{.max_concurrent = 7};
    route().retry.emplace();
    configured.routes.push_back(route());
    configured.routes[1].name = "more";
    configured.routes[1].match.path_prefix = "/more";
    configured.routes[1].bulkhead.reset();
    serve();
    const std::string text = metrics();
    EXPECT_THAT(text, HasSubstr("fusebox_bulkhead_limit{service=\"orders\",route=\"all\"} 7\n"
                                "fusebox_bulkhead_limit{service=\"orders\",route=\"\"} 9\n# HELP"));
    EXPECT_TRUE(std::regex_search(text, std::regex("available gauge\nfusebox_retry_budget_available[^\n]*\n# HELP")));
}

TEST_F(counted_traffic, the_process_and_its_build_are_shown) {
    serve();
    const std::string text = metrics();
    EXPECT_TRUE(
        std::regex_search(text, std::regex("\nfusebox_build_info\\{version=\"[0-9.]+\",commit=\"[0-9a-f]*\"\\} 1\n")));
    for (const char* name :
         {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
          "process_start_time_seconds", "process_threads", "process_open_fds", "process_max_fds"})
        EXPECT_TRUE(std::regex_search(text, std::regex("\n" + std::string(name) + " [0-9]"))) << name;
    std::smatch start;
    ASSERT_TRUE(std::regex_search(text, start, std::regex("process_start_time_seconds ([0-9.e+]+)")));
    EXPECT_NEAR(std::stod(start[1]), double(::time(nullptr)), 3600.0);
}

// What promtool would complain of.
TEST_F(counted_traffic, every_family_is_there_once_with_help_and_every_series_once) {
    (void)round();
    (void)round(get, broken);
    std::istringstream lines(metrics());
    std::set<std::string> families, series;
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        std::smatch m;
        if (std::regex_match(line, m, std::regex("# HELP ([a-z_0-9]+) .+"))) {
            EXPECT_TRUE(families.insert(m[1]).second) << line;
            family = m[1];
        } else if (std::regex_match(line, m, std::regex("# TYPE ([a-z_0-9]+) (counter|gauge|histogram)"))) {
            EXPECT_EQ(m[1], family);
            EXPECT_EQ(family.ends_with("_total"), m[2] == "counter") << line;
        } else {
            EXPECT_TRUE(line.starts_with(family)) << line;
            EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
        }
    }
}

TEST(timings, count_together_what_finds_no_room) {
    timings t;
    for (std::uint16_t status = 200; status < 300; ++status) t.add({http::method_id::get, status}, 1ms);
    std::map<timings::kind, timings::histogram> all;
    t.add_to([&](timings::kind k) -> auto& { return all[k]; });
    EXPECT_EQ(all.size(), 24u);
    EXPECT_EQ((all[{http::method_id::get, 200}].count()), 1u);
    EXPECT_EQ(all[timings::others].count(), 77u);
}

TEST(timings, put_a_duration_that_is_a_bound_below_it) {
    timings t;
    for (const duration d : {duration{0}, duration{5ms}, duration{5ms} + duration{1}, duration{10s}, duration{11s}})
        t.add({http::method_id::get, 200}, d);
    timings::histogram h;
    t.add_to([&](timings::kind) -> auto& { return h; });
    EXPECT_EQ(h.up_to.front(), 2u);
    EXPECT_EQ(h.up_to[1], 1u);
    EXPECT_EQ(h.up_to[13], 1u);
    EXPECT_EQ(h.up_to.back(), 1u);
    EXPECT_NEAR(h.seconds, 21.01, 1e-6);
}

// -- What an outcome means may be configured ----------------------------------------------------------

TEST_F(counted_traffic, what_a_status_says_of_the_upstream_may_be_told_by_class) {
    EXPECT_FALSE(route().outcomes.set(outcome_class::server_error, outcome::ignored));
    EXPECT_FALSE(route().outcomes.set(outcome_class::client_error, outcome::failure));
    (void)round(get, broken);
    EXPECT_EQ(breaker().snapshot().window.calls, 0u);
    (void)round(get, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

}  // namespace

}  // namespace fusebox::gateway
