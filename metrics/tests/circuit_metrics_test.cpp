// Circuits as metrics, on a clock in the test's hand.
#include <fusebox/metrics/circuit_metrics.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

struct watched_circuit : ::testing::Test {
    fusebox::testing::manual_clock clock;
    circuit_breaker orders{
        "orders", {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1}, &clock};
    metrics::circuit_history history;
    watched_circuit() { history.watch(orders, clock.now()); }

    void fail() { orders.try_acquire()->settle(verdict::failure); }
    void succeed() { orders.try_acquire()->settle(verdict::success); }
    std::string text() {
        metrics::exposition out;
        metrics::expose_circuits(out, {&orders});
        history.expose(out);
        return out.take();
    }
};

TEST_F(watched_circuit, is_there_before_anything_happens) {
    EXPECT_THAT(text(), HasSubstr("circuit_breaker_state{service=\"orders\"} 0\n"));
    EXPECT_THAT(text(), HasSubstr("circuit_breaker_calls_blocked_total{service=\"orders\"} 0\n"));
    EXPECT_THAT(text(), HasSubstr("circuit_breaker_open_total{service=\"orders\"} 0\n"));
    EXPECT_THAT(text(), HasSubstr("transitions_total{service=\"orders\",from_state=\"closed\",to_state=\"open\"} 0\n"));
    EXPECT_THAT(text(), Not(HasSubstr("forced_open\""))) << "what is unusual is shown once it happened";
}

TEST_F(watched_circuit, counts_its_way_and_times_its_states) {
    clock.advance(4s);
    fail();
    EXPECT_THAT(text(), HasSubstr("circuit_breaker_state{service=\"orders\"} 1\n"));
    EXPECT_FALSE(orders.try_acquire().has_value());
    clock.advance(20s);
    succeed();
    const std::string all = text();
    EXPECT_THAT(all, HasSubstr("circuit_breaker_calls_blocked_total{service=\"orders\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("circuit_breaker_open_total{service=\"orders\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("circuit_breaker_calls_total{service=\"orders\",outcome=\"success\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("from_state=\"half_open\",to_state=\"closed\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("time_in_state_seconds_bucket{service=\"orders\",state=\"closed\",le=\"1\"} 0\n"));
    EXPECT_THAT(all, HasSubstr("time_in_state_seconds_bucket{service=\"orders\",state=\"closed\",le=\"5\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("time_in_state_seconds_sum{service=\"orders\",state=\"open\"} 20\n"));
}

TEST_F(watched_circuit, shows_an_operator_s_doing) {
    orders.force_open();
    EXPECT_THAT(text(), HasSubstr("circuit_breaker_state{service=\"orders\"} 4\n"));
    EXPECT_THAT(text(), HasSubstr("from_state=\"closed\",to_state=\"forced_open\"} 1\n"));
}

}  // namespace
