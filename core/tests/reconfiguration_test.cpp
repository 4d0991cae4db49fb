// Reconfiguration, export and import keep what they promise to keep.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

struct reconfiguration : ::testing::Test {
    fusebox::testing::manual_clock clock;
    circuit_breaker_options o{.failure_rate_threshold = 1.0,
                              .window = count_window{10},
                              .minimum_calls = 10,
                              .open_jitter = 0,
                              .half_open_calls = 1};

    static void settle(circuit_breaker& b, verdict v, int times = 1) {
        for (int i = 0; i < times; ++i) b.try_acquire().value().settle(v);
    }
    static window_snapshot window(const circuit_breaker& b) { return b.snapshot().window; }
};

}  // namespace

TEST_F(reconfiguration, a_count_window_keeps_its_newest) {
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::success, 4);
    settle(b, verdict::failure, 2);
    settle(b, verdict::success, 1);
    o.window = count_window{3}, o.minimum_calls = 3;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(window(b), (window_snapshot{3, 2, 0}));
    EXPECT_EQ(b.snapshot().generation, 1u);
    o.window = count_window{40}, o.minimum_calls = 40;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(window(b), (window_snapshot{3, 2, 0}));
    settle(b, verdict::success, 37);
    EXPECT_EQ(window(b), (window_snapshot{40, 2, 0}));
    settle(b, verdict::success);
    EXPECT_EQ(window(b), (window_snapshot{40, 1, 0})) << "the oldest, a failure, has left";
}

TEST_F(reconfiguration, a_time_window_is_bucketed_anew) {
    o.window = time_window{10, 1s}, o.minimum_calls = 1000;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::success, 3);  // second 0
    clock.advance(4s);
    settle(b, verdict::failure, 2);  // second 4
    clock.advance(3s);
    settle(b, verdict::success, 1);  // second 7
    o.window = time_window{3, 2s};   // seconds 2 to 7
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(window(b), (window_snapshot{3, 2, 0}));
    clock.advance(1s);
    EXPECT_EQ(window(b), (window_snapshot{3, 2, 0}));
    clock.advance(2s);
    EXPECT_EQ(window(b), (window_snapshot{1, 0, 0}));
}

TEST_F(reconfiguration, one_kind_of_window_can_become_the_other) {
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::success, 10);  // saturated: counted outside from here on
    settle(b, verdict::success, 5);
    o.window = time_window{5, 1s}, o.minimum_calls = 100;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(window(b), (window_snapshot{10, 0, 0})) << "what the old window held, no more";
    settle(b, verdict::success, 2);
    settle(b, verdict::failure, 1);
    EXPECT_EQ(window(b), (window_snapshot{13, 1, 0}));
    o.window = count_window{4}, o.minimum_calls = 4;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(window(b), (window_snapshot{4, 1, 0}));
}

TEST_F(reconfiguration, an_open_deadline_is_kept) {
    o.consecutive_failures = 1;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure);
    clock.advance(1s);
    o.open_for = 60s;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(b.snapshot().retry_after, 4s);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(reconfiguration, the_same_options_change_nothing) {
    circuit_breaker b{"b", o, &clock};
    int events = 0;
    const auto s = b.subscribe([&](const circuit_event&) { ++events; });
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(events, 0);
}

TEST_F(reconfiguration, refused_options_change_nothing_either) {
    circuit_breaker b{"b", o, &clock};
    o.minimum_calls = 11;
    const auto refused = b.reconfigure(o);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().front().option, "minimum_calls");
    EXPECT_EQ(b.options()->minimum_calls, 10u);
}

TEST_F(reconfiguration, new_rules_are_judged_at_the_next_verdict_even_a_success) {
    o.window = time_window{10, 1s}, o.minimum_calls = 4;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure, 3);
    settle(b, verdict::success, 2);
    o.failure_rate_threshold = 0.5;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(b.state(), circuit_state::closed);
    settle(b, verdict::success);
    EXPECT_EQ(b.state(), circuit_state::open) << "three of six";
}

TEST_F(reconfiguration, fewer_trials_than_have_succeeded_already_close) {
    o.consecutive_failures = 1, o.half_open_calls = 3;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure);
    clock.advance(5s);
    settle(b, verdict::success, 2);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    o.half_open_calls = 2;
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(b.state(), circuit_state::closed) << "no verdict would come to end the round";
}

TEST_F(reconfiguration, a_shorter_ramp_goes_on_with_its_last_step) {
    o.consecutive_failures = 1, o.ramp = {.shares = {0.5, 0.75, 1.0}, .calls_per_step = 1};
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure);
    clock.advance(5s);
    settle(b, verdict::success);
    for (int done = 0; done < 1;)
        if (auto p = b.try_acquire()) p->settle(verdict::success), ++done;
    EXPECT_EQ(b.snapshot().half_open.share, 0.75);
    o.ramp.shares = {1.0};
    ASSERT_TRUE(b.reconfigure(o));
    EXPECT_EQ(b.snapshot().half_open.share, 1.0);
    settle(b, verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(reconfiguration, an_image_carries_an_open_circuit_to_its_successor) {
    o.consecutive_failures = 1;
    circuit_breaker before{"b", o, &clock};
    settle(before, verdict::success, 3);
    auto stale = before.try_acquire();
    settle(before, verdict::failure);
    EXPECT_FALSE(before.try_acquire());
    clock.advance(1s);
    const circuit_image image = before.export_state();

    fusebox::testing::manual_clock elsewhere{500h};
    circuit_breaker after{"b", o, &elsewhere};
    auto own = after.try_acquire();
    after.import_state(image);
    const auto s = after.snapshot();
    EXPECT_EQ(s.state, circuit_state::open);
    EXPECT_EQ(s.retry_after, 4s);
    EXPECT_EQ(s.totals, image.totals);
    EXPECT_EQ(s.totals.rejected, 1u);
    EXPECT_EQ(s.generation, image.generation + 1);
    own->settle(verdict::success);
    EXPECT_EQ(after.snapshot().totals.late_results, 1u);
    elsewhere.advance(4s);
    EXPECT_TRUE(after.try_acquire());
}

TEST_F(reconfiguration, an_image_carries_the_window_and_every_state) {
    for (const auto kind : {0, 1}) {
        if (kind == 1) o.window = time_window{10, 1s}, o.minimum_calls = 100;
        circuit_breaker before{"b", o, &clock}, after{"b", o, &clock};
        settle(before, verdict::success, 4);
        clock.advance(2s);
        settle(before, verdict::failure, 3);
        after.import_state(before.export_state());
        EXPECT_EQ(window(after), window(before)) << kind;
        EXPECT_EQ(after.state(), circuit_state::closed);
        before.force_open();
        after.import_state(before.export_state());
        EXPECT_EQ(after.state(), circuit_state::forced_open);
        before.disable();
        after.import_state(before.export_state());
        EXPECT_EQ(after.state(), circuit_state::disabled);
        before.metrics_only();
        settle(before, verdict::failure, 3);
        after.import_state(before.export_state());
        EXPECT_EQ(after.state(), circuit_state::metrics_only);
        EXPECT_EQ(after.snapshot().virtual_state, before.snapshot().virtual_state);
    }
}

TEST_F(reconfiguration, an_image_survives_as_text) {
    o.window = time_window{10, 1s}, o.minimum_calls = 100;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::success, 4);
    clock.advance(1s);
    b.try_acquire()->settle(verdict::failure);
    const circuit_image image = b.export_state();
    const std::string text = image.to_text();
    EXPECT_THAT(text, HasSubstr("fusebox-circuit/1 state=closed"));
    const auto back = circuit_image::from_text(text);
    ASSERT_TRUE(back) << back.error();
    EXPECT_EQ(*back, image);
    EXPECT_EQ(circuit_image::from_text(circuit_image{}.to_text()), circuit_image{});
}

TEST(circuit_image, refuses_text_that_is_not_one_and_says_why) {
    const std::string good = circuit_image{}.to_text();
    const auto complaint = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
        const auto parsed = circuit_image::from_text(text);
        return parsed ? std::string("accepted") : parsed.error();
    };
    EXPECT_THAT(complaint("circuit/1", "circuit/2"), HasSubstr("not a circuit image of this version"));
    EXPECT_THAT(complaint("reopenings=0", "reopenings=-1"), HasSubstr("reopenings='-1'"));
    EXPECT_THAT(complaint("reopenings=0", "reopenings=99999999999"), HasSubstr("reopenings='99999999999'"));
    EXPECT_THAT(complaint(" reopenings=0", ""), HasSubstr("'reopenings' is missing"));
    EXPECT_THAT(complaint("reopenings=0", "reopenings=0 reopenings=0"), HasSubstr("occurs twice"));
    EXPECT_THAT(complaint("reopenings=0", "reopenings=0 colour=red"), HasSubstr("'colour' is unknown"));
    EXPECT_THAT(complaint("reopenings=0", "reopenings=0 nonsense"), HasSubstr("is not key=value"));
    EXPECT_THAT(complaint("virtual_state=closed", "virtual_state=ajar"), HasSubstr("'ajar' is not a state"));
    EXPECT_THAT(complaint("virtual_state=closed", "virtual_state=open"), HasSubstr("do not go together"));
    EXPECT_THAT(complaint("window=", "window=5:1:2"), HasSubstr("wanted age:successes:failures:slow"));
    EXPECT_THAT(complaint("window=", "window=5:1:2:4"), HasSubstr("wanted age:successes:failures:slow"));
    EXPECT_THAT(complaint("totals=0,", "totals="), HasSubstr("totals has 12 numbers, wanted 13"));
    EXPECT_THAT(complaint("totals=0,", "totals=0,0,"), HasSubstr("totals has 14 numbers"));
}
