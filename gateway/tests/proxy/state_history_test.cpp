// What the circuits and endpoints of a plan went through, as metrics and as events.
#include "telemetry/state_history.hpp"
#include "admin/admin.hpp"
#include "raw_peers.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <vector>

namespace fusebox::gateway {

namespace {

class told_states : public proxying {
protected:
    told_states() { ::close(::mkstemp(name_.data())); }
    ~told_states() override {
        history_.reset();
        ::unlink(name_.c_str());
    }
    void begin(log_level least = log_level::info) {
        serve();
        events_.emplace(std::move(*log_output::open(name_)), least);
        history_.emplace(*plan_, &*events_, clock.now());
    }
    std::string metrics() const {
        metrics::exposition out;
        history_->expose(out);
        return out.take();
    }
    std::vector<nlohmann::json> events() {
        history_.reset();
        events_.reset();  // writes what is left
        std::vector<nlohmann::json> all;
        std::ifstream file(name_);
        for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
        return all;
    }

    std::string name_ = ::testing::TempDir() + "fusebox-events-XXXXXX";
    std::optional<event_log> events_;
    std::optional<state_history> history_;
};

std::string moves(const char* from, const char* to) {
    return std::string("circuit_breaker_state_transitions_total{service=\"orders\",from_state=\"") + from +
           "\",to_state=\"" + to + "\"} ";
}

}  // namespace

TEST_F(told_states, a_circuit_s_way_is_counted_timed_and_told) {
    route().circuit_breaker->options = {
        .consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1};
    begin();
    EXPECT_THAT(metrics(), HasSubstr(moves("closed", "open") + "0\n")) << "there before anything happens";
    clock.advance(4s);
    exchange(get, broken);
    clock.advance(25s);
    exchange(get, ok);
    const std::string m = metrics();
    EXPECT_THAT(m, HasSubstr(moves("closed", "open") + "1\n"));
    EXPECT_THAT(m, HasSubstr(moves("open", "half_open") + "1\n"));
    EXPECT_THAT(m, HasSubstr(moves("half_open", "closed") + "1\n"));
    const std::string of = "circuit_breaker_time_in_state_seconds";
    EXPECT_THAT(m, HasSubstr(of + "_bucket{service=\"orders\",state=\"closed\",le=\"1\"} 0\n"));
    EXPECT_THAT(m, HasSubstr(of + "_bucket{service=\"orders\",state=\"closed\",le=\"5\"} 1\n"));
    EXPECT_THAT(m, HasSubstr(of + "_bucket{service=\"orders\",state=\"closed\",le=\"+Inf\"} 1\n"));
    EXPECT_THAT(m, HasSubstr(of + "_sum{service=\"orders\",state=\"closed\"} 4\n"));
    EXPECT_THAT(m, HasSubstr(of + "_sum{service=\"orders\",state=\"open\"} 25\n"));
    EXPECT_THAT(m, HasSubstr(of + "_count{service=\"orders\",state=\"open\"} 1\n"));
    EXPECT_THAT(m, HasSubstr("circuit_breaker_state_since_timestamp_seconds{service=\"orders\"} 1"));
    const auto told = events();
    ASSERT_EQ(told.size(), 3u);
    EXPECT_EQ(told[0]["msg"], "circuit_opened");
    EXPECT_EQ(told[0]["level"], "warning");
    EXPECT_EQ(told[0]["service"], "orders");
    EXPECT_EQ(told[0]["from_state"], "closed");
    EXPECT_EQ(told[0]["to_state"], "open");
    EXPECT_EQ(told[0]["reason"], "consecutive_failures");
    EXPECT_EQ(told[0]["failures"], 1);
    EXPECT_EQ(told[0]["retry_after_seconds"], 20.0);
    EXPECT_EQ(told[1]["msg"], "circuit_half_opened");
    EXPECT_EQ(told[2]["msg"], "circuit_closed");
    EXPECT_EQ(told[2]["level"], "info");
}

TEST_F(told_states, an_endpoint_s_way_is_counted_and_told) {
    begin();
    upstream& orders = *plan_->upstreams()[0]->endpoints;
    const std::string id = orders.snapshot()[0].id;
    EXPECT_TRUE(orders.set_admin(id, admin_state::maintenance, clock.now()));
    EXPECT_TRUE(orders.set_admin(id, admin_state::automatic, clock.now()));
    orders.set_breaker(id, circuit_state::open, clock.now() + 5s, clock.now());
    const std::string of =
        "fusebox_endpoint_verdict_transitions_total{upstream=\"orders\",endpoint=\"" + id + "\",to_verdict=\"";
    EXPECT_THAT(metrics(), HasSubstr(of + "maintenance\"} 1\n"));
    EXPECT_THAT(metrics(), HasSubstr(of + "open\"} 1\n"));
    EXPECT_THAT(metrics(), HasSubstr(of + "down\"} 0\n"));
    const auto told = events();
    ASSERT_EQ(told.size(), 3u);
    EXPECT_EQ(told[0]["msg"], "endpoint_changed");
    EXPECT_EQ(told[0]["level"], "info") << "an operator knows what he did";
    EXPECT_EQ(told[0]["endpoint"], id);
    EXPECT_EQ(told[0]["to_state"], "maintenance");
    EXPECT_EQ(told[2]["level"], "warning");
    EXPECT_EQ(told[2]["from_state"], "up");
    EXPECT_EQ(told[2]["reason"], "circuit_breaker");
}

TEST_F(told_states, what_is_below_the_level_is_not_written) {
    route().circuit_breaker->options = {
        .consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1};
    begin(log_level::warning);
    exchange(get, broken);
    clock.advance(25s);
    exchange(get, ok);
    const auto told = events();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0]["msg"], "circuit_opened");
}

}  // namespace fusebox::gateway
