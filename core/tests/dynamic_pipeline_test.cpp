#include <fusebox/dynamic_pipeline.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

using answer = std::expected<int, std::string>;

std::vector<std::string> messages(const std::vector<config_error>& errors) {
    std::vector<std::string> all;
    for (const config_error& e : errors) all.push_back(e.message());
    return all;
}
std::vector<std::string> errors_of(std::vector<policy_spec> specs) {
    const auto made = dynamic_pipeline::make(std::move(specs));
    return made ? std::vector<std::string>{} : messages(made.error());
}

struct dynamic_pipelines : ::testing::Test {
    fusebox::testing::manual_runtime runtime;

    dynamic_pipeline make(std::vector<policy_spec> specs) {
        auto made = dynamic_pipeline::make(std::move(specs), &runtime.time);
        if (!made) throw std::runtime_error(made.error().front().message());
        made->use(runtime);
        return *std::move(made);
    }
};

const retry_options three_tries{.max_attempts = 3, .jitter = jitter_kind::none, .without_budget = true};

}  // namespace

TEST_F(dynamic_pipelines, an_empty_one_just_calls) {
    EXPECT_EQ(make({}).call([] { return 5; }), 5);
    EXPECT_TRUE(make({}).call([] {}).has_value());
}

TEST_F(dynamic_pipelines, retry_what_a_breaker_hears_of) {
    auto p = make({timeout_options::total(), three_tries,
                   circuit_breaker_spec{"orders", {.consecutive_failures = 2, .open_jitter = 0}}, bulkhead_options{},
                   timeout_options::per_try()});
    int calls = 0;
    const auto op = [&]() -> answer { return ++calls == 2 ? answer{7} : std::unexpected("down"); };
    EXPECT_EQ(p.call(op), 7);
    EXPECT_THAT(runtime.waits, ElementsAre(100ms));
    EXPECT_EQ(p.call(op).error().rejected()->code, errc::circuit_open);
    EXPECT_EQ(calls, 4) << "the open breaker ended the retries";
}

TEST_F(dynamic_pipelines, live_by_the_clock_that_they_are_given) {
    auto p = make({circuit_breaker_spec{"b", {.consecutive_failures = 1, .open_for = 5s, .open_jitter = 0}},
                   chaos_options{.fault_rate = 1.0, .expires_after = 1min}});
    const auto op = [] { return 3; };
    EXPECT_THROW((void)p.call(op), injected_fault);
    EXPECT_EQ(p.call(op).error().code, errc::circuit_open);
    runtime.time.advance(1min);
    EXPECT_EQ(p.call(op), 3) << "the breaker's wait is over, and so is the experiment";
}

TEST_F(dynamic_pipelines, share_live_policies) {
    const auto breaker =
        std::make_shared<circuit_breaker>("shared", circuit_breaker_options{.consecutive_failures = 1}, &runtime.time);
    auto one = make({breaker}), other = make({bulkhead_options{}, breaker});
    (void)one.call([]() -> answer { return std::unexpected("down"); });
    EXPECT_EQ(other.call([]() -> answer { return 1; }).error().rejected()->code, errc::circuit_open);
}

TEST_F(dynamic_pipelines, refuse_by_the_circuit_above) {
    const auto backend = std::make_shared<circuit_node>(
        std::make_shared<circuit_breaker>("backend", circuit_breaker_options{}, &runtime.time));
    const auto orders = std::make_shared<circuit_node>(
        std::make_shared<circuit_breaker>("orders", circuit_breaker_options{}, &runtime.time), circuit_node_options{},
        backend);
    auto p = make({three_tries, orders});
    backend->breaker()->force_open();
    EXPECT_EQ(p.call([] { return 1; }).error().code, errc::parent_open);
    EXPECT_THAT(errors_of({orders, three_tries}), ElementsAre(HasSubstr("a retry inside a circuit breaker")));
}

TEST_F(dynamic_pipelines, hold_more_policies_than_fit_into_a_call) {
    std::vector<policy_spec> many;
    for (int i = 0; i < 20; ++i) many.emplace_back(bulkhead_options{.max_concurrent = 1});
    auto p = make(many);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(p.call([&] { return p.call([] { return 1; }).error().code; }), errc::bulkhead_full);
}

TEST_F(dynamic_pipelines, show_their_parts) {
    auto p = make({three_tries, circuit_breaker_spec{"outer"}, bulkhead_options{.max_concurrent = 9},
                   circuit_breaker_spec{"inner"}, allow_unbounded_tries{}});
    std::vector<std::string_view> names;
    for (const pipeline_part& part : p.parts()) names.push_back(name_of_kind(part));
    EXPECT_THAT(names, ElementsAre("retry", "circuit_breaker", "bulkhead", "circuit_breaker", "allow_unbounded_tries"));
    EXPECT_EQ(p.find<bulkhead>()->snapshot().limit, 9u);
    EXPECT_EQ(p.find<circuit_breaker>()->name(), "outer");
    EXPECT_EQ(p.find<circuit_breaker>("inner")->name(), "inner");
    EXPECT_EQ(p.find<circuit_breaker>("none"), nullptr);
    EXPECT_EQ(p.find<throttler>(), nullptr);
    p.find<circuit_breaker>("inner")->force_open();
    EXPECT_EQ(p.call([] { return 1; }).error().code, errc::circuit_open);
}

TEST_F(dynamic_pipelines, tell_the_position_of_who_refused) {
    auto p = make({three_tries, allow_unbounded_tries{}, circuit_breaker_spec{"b"}});
    p.find<circuit_breaker>()->force_open();
    std::vector<std::uint32_t> positions;
    p.observe([&](const pipeline_event& e) {
        if (e.kind == pipeline_event_kind::call_refused) positions.push_back(e.position);
    });
    (void)p.call([] { return 1; });
    EXPECT_THAT(positions, ElementsAre(2u));
}

TEST_F(dynamic_pipelines, may_be_moved_between_calls) {
    auto p = make({three_tries, hedge_options{.delay = 1h}, bulkhead_options{}});
    auto moved = std::move(p);
    EXPECT_EQ(moved.call([] { return 2; }), 2);
}

TEST_F(dynamic_pipelines, serve_inside_a_pipeline_with_a_fallback) {
    auto inner = make({circuit_breaker_spec{"b", {.consecutive_failures = 1}}});
    last_good<int> store;
    pipeline p{fallback{when_refused(stale(store, 1h)), when_failed(-1)}, timeout{1s}};
    p.use(runtime);
    std::function<answer()> op = [] { return answer{42}; };
    const auto through = [&](const call_context& c) { return inner.call(op, {}, {c.stop(), c.deadline()}); };
    EXPECT_EQ(p.call(through), 42);
    op = [&]() -> answer { return runtime.time.advance(1s), std::unexpected("aborted"); };
    EXPECT_EQ(p.call(through), -1) << "timed out";
    EXPECT_EQ(inner.find<circuit_breaker>()->snapshot().totals.failures, 1u) << "and the breaker heard of it";
    EXPECT_EQ(p.call(through), 42) << "open: the last good value";
}

TEST_F(dynamic_pipelines, a_hedge_lets_the_faster_attempt_win_and_waits_for_the_loser_in_the_end) {
    std::latch second_has_won{1};
    std::atomic<int> attempts{0};
    runtime.during_wait = [&](duration) {
        while (attempts == 0) std::this_thread::yield();  // time does not pass before the first attempt runs
    };
    std::shared_ptr<circuit_breaker> breaker;
    std::shared_ptr<hedge> twice;
    {
        auto p = make({hedge_options{.delay = 50ms}, circuit_breaker_spec{"b"}, bulkhead_options{.max_concurrent = 2}});
        breaker = p.find<circuit_breaker>();
        twice = p.find<hedge>();
        const auto r = p.call([&](const call_context& c) -> answer {
            if (attempts.fetch_add(1) == 1) return 2;
            second_has_won.wait();
            EXPECT_TRUE(c.stop_requested()) << "the loser is told";
            return std::unexpected("too late");
        });
        EXPECT_EQ(r, 2);
        EXPECT_EQ(p.find<bulkhead>()->snapshot().in_use, 1u);
        second_has_won.count_down();
    }
    const auto totals = breaker->snapshot().totals;
    EXPECT_EQ(totals.successes, 1u);
    EXPECT_EQ(totals.failures, 0u);
    EXPECT_EQ(totals.ignored, 1u);
    EXPECT_EQ(twice->snapshot().won, 1u);
}

TEST(dynamic_pipeline_errors, are_all_told_each_with_its_place) {
    EXPECT_THAT(errors_of({retry_options{.max_attempts = 0}, bulkhead_options{},
                           circuit_breaker_spec{"b", {.minimum_calls = 0, .half_open_calls = 0}}, timeout_options{}}),
                ElementsAre(HasSubstr("policies[0].retry.max_attempts = 0: must be between 1 and 1000000"),
                            HasSubstr("policies[2].circuit_breaker.minimum_calls = 0: must be"),
                            HasSubstr("policies[2].circuit_breaker.half_open_calls = 0: must be"), ::testing::_,
                            HasSubstr("policies[3].timeout.limit = 0s: must be above 0")));
}

TEST(dynamic_pipeline_errors, name_the_same_options_in_every_limiter) {
    EXPECT_THAT(
        errors_of({token_bucket_options{.burst = 0}, fixed_window_options{{.limit = 0}},
                   sliding_window_options{{.limit = 0}}, throttler_options{.multiplier = 0},
                   adaptive_limiter_options{.minimum_calls = 0}, hedge_options{}, chaos_options{.fault_rate = 2}}),
        ElementsAre(HasSubstr("policies[0].token_bucket.burst"), HasSubstr("policies[1].fixed_window.limit"),
                    HasSubstr("policies[2].sliding_window.limit"), HasSubstr("policies[3].throttler.multiplier"),
                    HasSubstr("policies[4].adaptive_limiter.minimum_calls"), HasSubstr("policies[5].hedge."),
                    HasSubstr("policies[6].chaos.fault_rate"), HasSubstr("policies[6].chaos.result_rate")));
}

TEST(dynamic_pipeline_errors, say_which_order_undoes_which_policy) {
    EXPECT_THAT(
        errors_of({circuit_breaker_spec{"b"}, retry_options{}}),
        ElementsAre(HasSubstr("policies = circuit_breaker, retry: must not hold a retry inside a circuit breaker")));
    EXPECT_THAT(errors_of({timeout_options::total(), circuit_breaker_spec{"b"}}),
                ElementsAre(HasSubstr("allow_unbounded_tries{}")));
    EXPECT_THAT(errors_of({timeout_options::total(), circuit_breaker_spec{"b"}, retry_options{}}),
                ElementsAre(HasSubstr("allow_retry_inside_breaker{}"), HasSubstr("allow_unbounded_tries{}")));
}

TEST(dynamic_pipeline_errors, can_be_opted_out_of) {
    EXPECT_THAT(errors_of({allow_retry_inside_breaker{}, circuit_breaker_spec{"b"}, retry_options{}}), ElementsAre());
    EXPECT_THAT(errors_of({timeout_options::total(), circuit_breaker_spec{"b"}, allow_unbounded_tries{}}),
                ElementsAre());
}

TEST(dynamic_pipeline_errors, find_what_is_there_twice_or_not_at_all) {
    const auto slots = std::make_shared<bulkhead>();
    EXPECT_THAT(errors_of({slots, retry_options{}, slots}),
                ElementsAre(HasSubstr("policies[2].bulkhead = the policy of policies[0].bulkhead: must not be")));
    EXPECT_THAT(errors_of({hedge_options{.delay = 1s}, retry_options{}, hedge_options{.delay = 1s}}),
                ElementsAre(HasSubstr("policies[2].hedge = another hedge: must not be")));
    EXPECT_THAT(errors_of({std::shared_ptr<hedge>{}}), ElementsAre("policies[0].hedge = null: must point to a policy"));
}
