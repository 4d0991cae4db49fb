// What a pipeline promises of failure and loss, blocking, in both of its forms. The twin of
// asio/tests/pipeline_proofs_test.cpp.
#include "both_forms.hpp"

#include <fusebox/testing/manual_runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

using answer = std::expected<int, std::string>;

template <class Form>
struct blocking_proofs : ::testing::Test {
    fusebox::testing::manual_runtime runtime;

    template <class... P>
    auto of(P&... policy) {
        auto p = Form::of(policy...);
        p->use(runtime);
        return p;
    }
};

struct form_names {
    template <class Form>
    static std::string GetName(int) {
        return std::is_same_v<Form, run_time_form> ? "run_time" : "compile_time";
    }
};
using both = ::testing::Types<compile_time_form, run_time_form>;
TYPED_TEST_SUITE(blocking_proofs, both, form_names);

}  // namespace

TYPED_TEST(blocking_proofs, ten_total_timeouts_outside_a_breaker_open_it) {
    auto& clock = this->runtime.time;
    circuit_breaker breaker{
        "b", {.failure_rate_threshold = 0.5, .window = count_window{10}, .minimum_calls = 10}, &clock};
    allow_unbounded_tries alone;
    timeout total{1s};
    auto p = this->of(alone, total, breaker);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(breaker.state(), circuit_state::closed);
        const auto r = p->call([&](const call_context& c) -> answer {
            clock.advance(c.remaining(clock.now()));
            return std::unexpected("aborted");
        });
        EXPECT_EQ(r.error().rejected()->code, errc::timed_out);
    }
    EXPECT_EQ(breaker.state(), circuit_state::open);
}

TYPED_TEST(blocking_proofs, five_callers_on_a_bulkhead_of_one_leave_the_breaker_around_it_closed) {
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &this->runtime.time};
    bulkhead one{{.max_concurrent = 1}};
    auto p = this->of(breaker, one);
    const auto r = p->call([&]() -> answer {
        for (int i = 0; i < 4; ++i) {
            const auto inner = p->call([]() -> answer { return 1; });
            EXPECT_EQ(inner.error().rejected()->code, errc::bulkhead_full);
        }
        return 2;
    });
    EXPECT_EQ(r, 2);
    EXPECT_EQ(breaker.state(), circuit_state::closed);
    EXPECT_EQ(breaker.snapshot().totals.ignored, 4u);
    EXPECT_EQ(p->call([]() -> answer { return 3; }), 3);
}

TYPED_TEST(blocking_proofs, fifty_callers_at_a_recovering_service_send_it_no_more_than_the_permitted_trials) {
    circuit_breaker breaker{
        "r",
        {.consecutive_failures = 1, .open_jitter = 0, .half_open_calls = 3, .half_open_concurrency = 2},
        &this->runtime.time};
    breaker.try_acquire()->settle(verdict::failure);
    this->runtime.time.advance(5s);
    auto p = TypeParam::of(breaker);
    std::atomic<int> reached{0}, refused{0};
    std::latch all_asked{50};
    std::vector<std::jthread> callers;
    for (int i = 0; i < 50; ++i)
        callers.emplace_back([&] {
            bool asked = false;
            const auto r = p->call([&]() -> answer {
                reached.fetch_add(1);
                all_asked.count_down();
                asked = true;
                all_asked.wait();  // everybody has asked before the first trial ends
                return 1;
            });
            refused += !r;
            if (!asked) all_asked.count_down();
        });
    callers.clear();
    EXPECT_EQ(reached, 2);
    EXPECT_EQ(refused, 48);
    EXPECT_EQ(breaker.state(), circuit_state::half_open);
}

TYPED_TEST(blocking_proofs, a_listener_that_throws_changes_nothing) {
    circuit_breaker breaker{"b", {.consecutive_failures = 9}, &this->runtime.time};
    bulkhead one{{.max_concurrent = 1}};
    retry again{{.max_attempts = 2, .jitter = jitter_kind::none, .without_budget = true}};
    auto p = this->of(again, breaker, one);
    int told = 0;
    p->observe([&](const pipeline_event&) {
        ++told;
        throw std::runtime_error("listener");
    });
    int calls = 0;
    EXPECT_EQ(p->call([&]() -> answer { return ++calls == 2 ? answer{7} : std::unexpected("down"); }), 7);
    EXPECT_THROW((void)p->call([]() -> answer { throw std::logic_error("operation"); }), std::logic_error);
    EXPECT_EQ(told, 13);
    EXPECT_EQ(one.snapshot().in_use, 0u);
    EXPECT_EQ(breaker.snapshot().totals.failures, 3u);
    EXPECT_EQ(breaker.snapshot().totals.abandoned, 0u);
}

TYPED_TEST(blocking_proofs, a_listener_may_call_the_policies_and_the_pipeline_itself) {
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &this->runtime.time};
    bulkhead two{{.max_concurrent = 2}};
    auto p = this->of(breaker, two);
    int depth = 0;
    std::vector<int> inner;
    p->observe([&](const pipeline_event& e) {
        (void)breaker.snapshot();
        (void)two.snapshot();
        breaker.reset();
        if (e.kind != pipeline_event_kind::attempt_started || depth > 0) return;
        ++depth;
        inner.push_back(p->call([]() -> answer { return 5; }).value_or(-1));
        --depth;
    });
    EXPECT_EQ(p->call([]() -> answer { return 4; }), 4);
    EXPECT_EQ(p->call([]() -> answer { return std::unexpected("down"); }).error(), call_error<std::string>("down"));
    EXPECT_EQ(inner, (std::vector<int>{5, 5}));
    EXPECT_EQ(two.snapshot().in_use, 0u);
}

TYPED_TEST(blocking_proofs, a_refused_call_gives_back_what_it_held_further_out) {
    bulkhead outer{{.max_concurrent = 1}};
    circuit_breaker breaker{"b", circuit_breaker_options{}, &this->runtime.time};
    breaker.force_open();
    auto p = this->of(outer, breaker);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(p->call([]() -> answer { return 1; }).error().rejected()->code, errc::circuit_open);
    EXPECT_EQ(outer.snapshot().in_use, 0u);
}
