// Active checks of two raw origins, on a clock that stands still until it is told to move.
#include "endpoints/health_checks.hpp"
#include "admin/admin.hpp"
#include "raw_peers.hpp"

#include <atomic>
#include <optional>

namespace fusebox::gateway {

namespace {

constexpr std::string_view fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
constexpr std::string_view ill = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

class active_checks : public proxying {
protected:
    active_checks() {
        second_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        http::socket_address at = *http::socket_address::from("127.0.0.1", 0);
        EXPECT_EQ(::bind(second_, at.get(), at.size), 0);
        EXPECT_EQ(::listen(second_, 64), 0);
        ::getsockname(second_, reinterpret_cast<sockaddr*>(&at.storage), &at.size);
        upstream().endpoints.push_back({{"127.0.0.1", at.port()}, 1});
        upstream().options.balance.algorithm = balancing::round_robin;
        upstream().options.check = {.enabled = true, .unhealthy_threshold = 3, .healthy_threshold = 2};
        upstream().health_check = {.interval = 5s, .timeout = 1s};
    }
    ~active_checks() override {
        checks_.reset();
        ::close(second_);
    }

    upstream_configuration& upstream() { return configured.upstreams[0]; }
    void only_the_first_endpoint() { upstream().endpoints.pop_back(); }

    void begin_checks() {
        serve();
        const upstream_state& checked = *plan_->upstreams()[0];
        const health_checks::checked all[]{{checked.configured, *checked.endpoints}};
        checks_.emplace(all, addresses_, gateway_->loop(), 1);
        pass(4ms);
    }
    // The check that is under way at the first or second endpoint, its request read.
    peer& check(int of) {
        peer& p = of == 1 ? origin() : accepted(second_);
        asked_ = head(p);
        return p;
    }
    void check_answers(int of, std::string_view answer) {
        const auto before = heard();
        peer& p = check(of);
        send(p, answer);
        close(p);
        EXPECT_TRUE(until([&] { return heard() == before + 1; }));
    }
    // The next round of checks.
    void both_answer(std::string_view first, std::string_view second) {
        check_answers(1, first);
        check_answers(2, second);
        pass(5s);
    }
    std::uint64_t heard() const {
        std::uint64_t all = 0;
        for (const check_report& r : checks_->reports()) all += r.passed + r.failed;
        return all;
    }
    check_report report(int of) const { return checks_->reports().at(std::size_t(of) - 1); }
    endpoint_snapshot state(int of) const {
        plan_->upstreams()[0]->endpoints->refresh(clock.now());
        return plan_->upstreams()[0]->endpoints->snapshot().at(std::size_t(of) - 1);
    }
    // Which endpoint gets a request; 0: none, the client is refused.
    int asked_for_one_request() {
        peer& c = client();
        send(c, get);
        pollfd waiting{second_, POLLIN, 0};
        const bool is_second = ::poll(&waiting, 1, 0) == 1;
        if (!is_second && !origin_is_asked()) {
            EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
            return 0;
        }
        peer& o = is_second ? accepted(second_) : origin();
        EXPECT_THAT(head(o), StartsWith("GET / "));
        send(o, ok);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
        close(o);
        return is_second ? 2 : 1;
    }
    std::vector<int> asked_for(int requests) {
        std::vector<int> all;
        while (requests-- > 0) all.push_back(asked_for_one_request());
        return all;
    }

    std::optional<health_checks> checks_;
    std::string asked_;
    int second_ = -1;
};

using ::testing::Each;
using ::testing::IsSupersetOf;

}  // namespace

TEST_F(active_checks, an_endpoint_that_fails_its_checks_gets_no_traffic_until_they_pass_again) {
    begin_checks();
    both_answer(fine, fine);
    both_answer(fine, ill);
    both_answer(fine, ill);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::up) << "two failures are not three";
    check_answers(1, fine);
    check_answers(2, ill);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::down);
    EXPECT_EQ(report(2).last, "status 503");
    EXPECT_THAT(asked_for(6), Each(1));
    pass(5s);
    both_answer(fine, fine);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::down) << "one pass is not two";
    check_answers(1, fine);
    check_answers(2, fine);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::up);
    EXPECT_THAT(asked_for(6), IsSupersetOf({1, 2}));
}

TEST_F(active_checks, the_first_check_decides_alone_and_until_then_those_serve_who_are_up) {
    begin_checks();
    peer &first = check(1), &second = check(2);
    EXPECT_THAT(asked_for(2), IsSupersetOf({1, 2})) << "nobody is known to be up: all serve";
    send(first, fine);
    EXPECT_TRUE(until([&] { return heard() == 1; }));
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::warming);
    send(second, ill);
    EXPECT_TRUE(until([&] { return heard() == 2; }));
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::down);
    EXPECT_THAT(asked_for(4), Each(1));
}

TEST_F(active_checks, a_check_asks_as_it_is_configured) {
    upstream().health_check->path = "/well";
    upstream().health_check->host = "orders.local";
    begin_checks();
    check(1);
    EXPECT_THAT(asked_, StartsWith("GET /well HTTP/1.1\r\nHost: orders.local\r\n"));
    EXPECT_THAT(asked_, HasSubstr("User-Agent: fusebox-health-check\r\n"));
}

TEST_F(active_checks, a_check_that_gets_no_answer_fails_when_its_time_is_over) {
    begin_checks();
    peer& p = check(1);
    send(p, "HTTP/1.1 200 OK\r\nContent-Le");
    pass(900ms);
    EXPECT_EQ(report(1).failed, 0u);
    pass(200ms);
    EXPECT_TRUE(ends(p)) << "its connection is given up";
    EXPECT_EQ(report(1).failed, 1u);
    EXPECT_EQ(report(1).last, "no answer in time");
    EXPECT_EQ(state(1).now.verdict, endpoint_verdict::down);
}

TEST_F(active_checks, a_pause_of_our_own_is_not_held_against_the_endpoint) {
    begin_checks();
    check_answers(1, fine);
    pass(5s);
    peer& p = check(1);
    pass(10s);  // in one go: this process stood still
    EXPECT_TRUE(ends(p));
    EXPECT_EQ(report(1).failed, 0u);
    EXPECT_EQ(report(1).unheard, 1u);
    check_answers(1, fine);
    EXPECT_EQ(report(1).passed, 2u);
}

TEST_F(active_checks, what_is_not_a_whole_answer_with_an_expected_status_fails) {
    upstream().health_check->expected = {{200, 200}, {404, 404}};
    begin_checks();
    const auto last = [&](std::string_view answer) {
        const auto failed = report(1).failed;
        check_answers(1, answer);
        pass(5s);
        return report(1).last + (report(1).failed > failed ? ": failed" : ": passed");
    };
    EXPECT_EQ(last("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "status 404: passed");
    EXPECT_EQ(last("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"), "status 200: passed");
    EXPECT_EQ(last("HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"), "status 302: failed");
    EXPECT_EQ(last("HTTP/1.1 204 No Content\r\n\r\n"), "status 204: failed");
    EXPECT_EQ(last("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), "closed without a whole answer: failed");
    EXPECT_EQ(last("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "an answer that is not HTTP: failed");
}

TEST_F(active_checks, an_endpoint_that_refuses_connections_is_down) {
    close_origin();
    begin_checks();
    EXPECT_TRUE(until([&] { return report(1).failed == 1; }));
    EXPECT_EQ(report(1).last, "not connected");
    EXPECT_EQ(state(1).now.verdict, endpoint_verdict::down);
}

TEST_F(active_checks, the_last_endpoint_is_lost_to_checks_but_not_to_a_mode_of_panic) {
    only_the_first_endpoint();
    begin_checks();
    check_answers(1, ill);
    EXPECT_EQ(state(1).now.verdict, endpoint_verdict::down);
    EXPECT_EQ(asked_for_one_request(), 0);
}

TEST_F(active_checks, in_panic_all_are_tried_and_a_success_of_the_traffic_revives_nobody) {
    only_the_first_endpoint();
    upstream().options.verdict.panic = panic_mode::route_all;
    begin_checks();
    check_answers(1, ill);
    EXPECT_THAT(asked_for(3), Each(1));
    EXPECT_EQ(state(1).now.verdict, endpoint_verdict::down);
    EXPECT_EQ(state(1).now.reason, verdict_reason::panic);
}

TEST_F(active_checks, who_comes_back_starts_slowly) {
    upstream().options.verdict.slow_start = 40s;
    begin_checks();
    both_answer(fine, ill);
    both_answer(fine, fine);
    check_answers(1, fine);
    check_answers(2, fine);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::slow_start);
    EXPECT_DOUBLE_EQ(state(2).now.share, 0.1);
    clock.advance(20s);
    EXPECT_DOUBLE_EQ(state(2).now.share, 0.5);
    clock.advance(20s);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::up);
    EXPECT_EQ(state(1).now.verdict, endpoint_verdict::up);
}

TEST_F(active_checks, a_draining_endpoint_is_checked_on_and_gets_nothing_new) {
    begin_checks();
    both_answer(fine, fine);
    EXPECT_TRUE(plan_->upstreams()[0]->endpoints->set_admin(state(2).id, admin_state::drain, clock.now()));
    both_answer(fine, fine);
    check_answers(1, fine);
    check_answers(2, ill);
    EXPECT_EQ(state(2).now.verdict, endpoint_verdict::draining);
    EXPECT_EQ(report(2).failed, 1u);
    EXPECT_THAT(asked_for(4), Each(1));
}

TEST_F(active_checks, checks_under_way_are_cut_off_at_the_end_and_say_nothing) {
    begin_checks();
    peer& p = check(1);
    checks_.reset();
    EXPECT_TRUE(ends(p));
    EXPECT_EQ(state(1).condition.check, check_state::pending);
    pass(30s);
    EXPECT_FALSE(origin_is_asked());
}

TEST_F(active_checks, the_admin_port_shows_them) {
    begin_checks();
    both_answer(fine, ill);
    const std::atomic<bool> draining{false};
    const admin_sources from{*plan_, draining, *checks_};
    const std::string metrics = metrics_text(from, clock.now()), shown = snapshot_json(from, clock.now());
    const std::string second = "{upstream=\"orders\",endpoint=\"" + std::string(report(2).endpoint) + "\",";
    EXPECT_THAT(metrics, HasSubstr("fusebox_health_checks_total" + second + "result=\"failed\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("fusebox_health_checks_total" + second + "result=\"passed\"} 0\n"));
    EXPECT_THAT(metrics, HasSubstr("fusebox_endpoint_verdict" + second + "verdict=\"down\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("fusebox_endpoint_verdict" + second + "verdict=\"up\"} 0\n"));
    EXPECT_THAT(shown, HasSubstr("\"last\": \"status 503\""));
    EXPECT_THAT(shown, HasSubstr("\"reason\": \"checks_failed\""));
    EXPECT_THAT(shown, HasSubstr("\"for_seconds\": 5.0"));
}

}  // namespace fusebox::gateway
