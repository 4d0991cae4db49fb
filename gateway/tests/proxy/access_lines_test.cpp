// What a worker says of its requests: real lines in a real file.
#include "raw_peers.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <vector>

namespace fusebox::gateway {

namespace {

class access_lines : public proxying {
protected:
    access_lines() {
        ::close(::mkstemp(name_.data()));
        log_.emplace(std::move(*log_output::open(name_)), 1);
    }
    ~access_lines() override {
        gateway_.reset();
        log_.reset();
        ::unlink(name_.c_str());
    }
    peer& logged_client() {
        if (!gateway_) serve();
        gateway_->log_to(*log_);
        return client();
    }
    // All lines, once there are so many; one more would be an error.
    std::vector<nlohmann::json> lines(std::size_t wanted) {
        EXPECT_TRUE(until([&] { return log_->written() >= wanted; }));
        settle();
        gateway_.reset();
        log_.reset();
        std::vector<nlohmann::json> all;
        std::ifstream file(name_);
        for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
        EXPECT_EQ(all.size(), wanted);
        all.resize(std::max<std::size_t>(all.size(), 1));
        return all;
    }
    nlohmann::json line() { return lines(1)[0]; }

    std::string name_ = ::testing::TempDir() + "fusebox-lines-XXXXXX";
    std::optional<access_log> log_;
};

std::string field_of(const std::string& head, const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find('\r', begin) - begin);
}

}  // namespace

TEST_F(access_lines, a_line_says_what_became_of_the_request) {
    peer& c = logged_client();
    send(c, "POST /x?y=1 HTTP/1.1\r\nHost: shop.example\r\nX-Request-Id: abc-1\r\nContent-Length: 4\r\n\r\nbody");
    peer& o = origin();
    const std::string asked = head(o);
    EXPECT_EQ(field_of(asked, "X-Request-Id"), "abc-1");
    clock.advance(250ms);
    send(o, ok);
    head(c);
    const auto l = line();
    EXPECT_EQ(l["msg"], "request");
    EXPECT_EQ(l["level"], "info");
    EXPECT_EQ(l["method"], "POST");
    EXPECT_EQ(l["host"], "shop.example");
    EXPECT_EQ(l["target"], "/x?y=1");
    EXPECT_EQ(l["status"], 200);
    EXPECT_EQ(l["route"], "all");
    EXPECT_EQ(l["service"], "orders");
    EXPECT_THAT(std::string(l["endpoint"]), StartsWith("127.0.0.1:"));
    EXPECT_EQ(l["client"], "127.0.0.1");
    EXPECT_EQ(l["request_bytes"], 4);
    EXPECT_EQ(l["response_bytes"], 2);
    EXPECT_EQ(l["tries"], 1);
    EXPECT_NEAR(l["duration_seconds"], 0.25, 1e-6);
    EXPECT_NEAR(l["first_byte_seconds"], 0.25, 1e-6);
    EXPECT_EQ(l["circuit_state"], "closed");
    EXPECT_EQ(l["request_id"], "abc-1");
    EXPECT_EQ("00-" + std::string(l["trace_id"]), field_of(asked, "traceparent").substr(0, 35));
    EXPECT_FALSE(l.contains("incident") || l.contains("hedges"));
}

TEST_F(access_lines, a_race_says_how_many_tries_were_sent_beside_another) {
    route().hedge = hedge_options{.delay = 100ms};
    peer& c = logged_client();
    send(c, get);
    EXPECT_NE(head(origin()), "");
    pass(100ms);
    peer& o = origin();
    EXPECT_NE(head(o), "");
    send(o, ok);
    EXPECT_NE(head(c), "");
    const auto l = line();
    EXPECT_EQ(l["tries"], 2);
    EXPECT_EQ(l["hedges"], 1);
    EXPECT_EQ(l["status"], 200);
}

TEST_F(access_lines, the_tries_of_a_request_share_its_names) {
    route().retry = retry_configuration{};
    peer& c = logged_client();
    send(c, get);
    peer& o = origin();
    const std::string first = head(o);
    send(o, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    pass(5s);
    peer& again = origin();
    const std::string second = head(again);
    send(again, ok);
    head(c);
    const auto l = line();
    EXPECT_EQ(l["tries"], 2);
    EXPECT_EQ(l["status"], 200);
    for (const std::string& asked : {first, second}) {
        EXPECT_EQ(l["request_id"], field_of(asked, "X-Request-Id"));
        EXPECT_EQ(l["trace_id"], field_of(asked, "traceparent").substr(3, 32));
    }
    EXPECT_NE(field_of(first, "traceparent"), field_of(second, "traceparent")) << "each is a span of its own";
}

TEST_F(access_lines, a_refusal_is_named_and_tells_the_client_its_request_id) {
    route().circuit_breaker->options = {.consecutive_failures = 1, .open_for = 20s};
    peer& c = logged_client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, broken);
    head(c);
    send(c, get);
    const std::string answer = head(c);
    const auto l = lines(2)[1];
    EXPECT_EQ(l["status"], 503);
    EXPECT_EQ(l["level"], "warning");
    EXPECT_EQ(l["incident"], "circuit_open");
    EXPECT_EQ(l["circuit_state"], "open");
    EXPECT_EQ(l["tries"], 0);
    EXPECT_FALSE(l.contains("endpoint"));
    EXPECT_EQ(l["request_id"], field_of(answer, "X-Request-Id"));
}

TEST_F(access_lines, what_never_reached_a_route_has_a_line_too) {
    route().match.path_prefix = "/api";
    peer& c = logged_client();
    send(c, get);
    head(c);
    peer& d = client();
    send(d, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    head(d);
    const auto all = lines(2);
    EXPECT_EQ(all[0]["status"], 404);
    EXPECT_EQ(all[0]["target"], "/");
    EXPECT_EQ(all[0]["reason"], "no route matches this request");
    EXPECT_FALSE(all[0].contains("route"));
    EXPECT_EQ(all[1]["status"], 400);
    EXPECT_FALSE(all[1].contains("target")) << "nothing of what is not HTTP is believed";
    EXPECT_NE(all[1]["reason"], "");
}

TEST_F(access_lines, what_is_refused_before_a_route_explains_itself_and_has_a_request_id) {
    route().match.path_prefix = "/api";
    configured.limits.body = 10;
    peer& c = logged_client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\n\r\n");
    const std::string known = head(c);
    EXPECT_THAT(known, StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(known, HasSubstr("Content-Type: application/problem+json\r\n"));
    EXPECT_THAT(known, HasSubstr("Proxy-Status: fusebox; error=destination_not_found"));
    EXPECT_THAT(known, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_EQ(field_of(known, "X-Request-Id"), "mine-1");
    const auto problem = nlohmann::json::parse(body(c, std::stoul(field_of(known, "Content-Length"))));
    EXPECT_EQ(problem["status"], 404);
    EXPECT_EQ(problem["request_id"], "mine-1");
    EXPECT_EQ(problem["details"], "no route matches this request");
    std::vector<std::string> ids{"mine-1"};
    const struct {
        std::string_view request, answer, error;
    } table[] = {
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400", "error=http_request_error"},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405", "error=proxy_internal_response"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413", "error=http_request_error"},
        {"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 fusebox\r\n\r\n", "HTTP/1.1 502", "error=proxy_loop_detected"},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505", "error=proxy_internal_response"},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "HTTP/1.1 200", "Proxy-Status: fusebox; details"},
    };
    for (const auto& row : table) {
        peer& d = client();
        send(d, row.request);
        const std::string h = head(d);
        EXPECT_THAT(h, StartsWith(std::string(row.answer)));
        EXPECT_THAT(h, HasSubstr(std::string(row.error)));
        ids.push_back(field_of(h, "X-Request-Id"));
        EXPECT_EQ(ids.back().size(), 32u) << row.request;
    }
    const auto all = lines(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(all[i]["request_id"], ids[i]);
    EXPECT_EQ(all[1]["incident"], "client_malformed");
}

TEST_F(access_lines, a_request_that_proves_too_large_or_broken_keeps_its_request_id) {
    configured.limits.body = 10;
    peer& c = logged_client();
    send(c, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string large = field_of(head(origin()), "X-Request-Id");
    send(c, "b\r\n0123456789a\r\n");
    const std::string refused_large = head(c);
    peer& d = client();
    send(d, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string broken_off = field_of(head(origin()), "X-Request-Id");
    send(d, "no size\r\n");
    const std::string refused_broken = head(d);
    EXPECT_THAT(refused_large, StartsWith("HTTP/1.1 413"));
    EXPECT_EQ(field_of(refused_large, "X-Request-Id"), large);
    EXPECT_THAT(refused_broken, StartsWith("HTTP/1.1 400"));
    EXPECT_EQ(field_of(refused_broken, "X-Request-Id"), broken_off);
    const auto all = lines(2);
    EXPECT_EQ(all[0]["status"], 413);
    EXPECT_EQ(all[0]["request_id"], large);
    EXPECT_EQ(all[1]["status"], 400);
    EXPECT_EQ(all[1]["request_id"], broken_off);
    EXPECT_EQ(all[1]["route"], "all");
}

TEST_F(access_lines, an_injected_fault_says_what_it_is) {
    route().chaos = chaos_configuration{.options = {.fault_rate = 1}, .fault_status = 599};
    peer& c = logged_client();
    send(c, get);
    const std::string injected = head(c);
    EXPECT_THAT(injected, StartsWith("HTTP/1.1 599"));
    EXPECT_THAT(injected, HasSubstr("Proxy-Status: fusebox; error=proxy_internal_response"));
    const auto l = line();
    EXPECT_EQ(l["request_id"], field_of(injected, "X-Request-Id"));
    EXPECT_EQ(l["incident"], "injected_fault");
}

TEST_F(access_lines, a_fixed_answer_carries_the_request_id_too) {
    route().chaos = chaos_configuration{.options = {.fault_rate = 1}};
    route().fallback = fallback_configuration{.then = fixed_answer{.status = 200, .body = "later\n"}};
    peer& c = logged_client();
    send(c, get);
    const std::string fixed = head(c);
    EXPECT_THAT(fixed, HasSubstr("Proxy-Status: fusebox; error=proxy_internal_response; details=\"a fixed answer\""));
    EXPECT_EQ(line()["request_id"], field_of(fixed, "X-Request-Id"));
}

TEST_F(access_lines, a_client_that_went_away_is_a_499) {
    peer& c = logged_client();
    send(c, get);
    peer& o = origin();
    head(o);
    cut(c);
    EXPECT_TRUE(ends(o));
    const auto l = line();
    EXPECT_EQ(l["status"], 499);
    EXPECT_EQ(l["incident"], "client_gone");
}

TEST_F(access_lines, a_body_that_comes_too_slowly_has_one_line) {
    route().timeout.total = route().timeout.per_try = 5min;
    peer& c = logged_client();
    send(c, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
    head(origin());
    clock.advance(1s);
    pass(30s);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(line()["status"], 408);
}

TEST_F(access_lines, a_response_that_breaks_off_says_so) {
    peer& c = logged_client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    cut(o);
    EXPECT_TRUE(ends(c));
    const auto l = line();
    EXPECT_EQ(l["status"], 200);
    EXPECT_EQ(l["incident"], "response_incomplete");
    EXPECT_EQ(l["response_bytes"], 4);
}

TEST_F(access_lines, hostile_paths_stay_one_line_each_with_nothing_smuggled_in) {
    const std::vector<std::string> paths{"/\",\"status\":200,\"x\":\"", "/%0d%0a{}", "/a\\u0000b"};
    for (const std::string& path : paths) {
        peer& c = logged_client();
        send(c, "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
        if (origin_is_asked()) {
            peer& o = origin();
            head(o);
            send(o, ok);
            close(o);
        }
        EXPECT_NE(head(c), "");
    }
    const auto all = lines(paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        EXPECT_FALSE(all[i].contains("x"));
        if (all[i]["status"] == 200) {
            EXPECT_EQ(all[i]["target"], paths[i]);
        }
    }
}

}  // namespace fusebox::gateway
