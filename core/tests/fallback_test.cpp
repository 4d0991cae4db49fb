#include <fusebox/fallback.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{};

// What a protected call of an operation returning int, and of one returning expected<int, std::string>, returns.
using plain = std::expected<int, rejection>;
using own = std::expected<int, call_error<std::string>>;

const plain open_circuit{std::unexpect, rejection{errc::circuit_open, 5s}};
const plain too_slow{std::unexpect, rejection{errc::timed_out}};
const plain cancelled{std::unexpect, rejection{errc::cancelled}};
const own disk_full{std::unexpect, std::string{"disk full"}};
const own refused{std::unexpect, rejection{errc::bulkhead_full}};

template <class X>
std::exception_ptr thrown(X x) {
    return std::make_exception_ptr(std::move(x));
}

template <class F>
std::optional<int> value(const F& f, const plain& r, time_point now = start) {
    const auto a = f.recover(r, now);
    return a && *a ? std::optional{**a} : std::nullopt;
}
template <class F>
std::optional<int> value(const F& f, const own& r, time_point now = start) {
    const auto a = f.recover(r, now);
    return a && *a ? std::optional{**a} : std::nullopt;
}
template <class F>
std::optional<int> value(const F& f, std::exception_ptr p, time_point now = start) {
    const auto a = f.template recover<plain>(p, now);
    return a && *a ? std::optional{**a} : std::nullopt;
}

}  // namespace

TEST(fallback, answers_only_refusals_and_lets_other_errors_pass) {
    const fallback f{when_refused(7)};
    EXPECT_EQ(value(f, open_circuit), 7);
    EXPECT_EQ(value(f, refused), 7);
    EXPECT_EQ(value(f, disk_full), std::nullopt);
    EXPECT_EQ(value(f, too_slow), std::nullopt) << "the call was made";
    EXPECT_EQ(value(f, cancelled), std::nullopt);
    EXPECT_EQ(value(f, thrown(std::runtime_error{"io"})), std::nullopt);
}

TEST(fallback, answers_only_failures_and_lets_refusals_pass) {
    const fallback f{when_failed([] { return 8; })};
    EXPECT_EQ(value(f, disk_full), 8);
    EXPECT_EQ(value(f, too_slow), 8);
    EXPECT_EQ(value(f, thrown(std::runtime_error{"io"})), 8);
    EXPECT_EQ(value(f, open_circuit), std::nullopt);
    EXPECT_EQ(value(f, cancelled), std::nullopt) << "nobody wants the answer any more";
}

TEST(fallback, leaves_good_results_alone) {
    const fallback f{always(9)};
    EXPECT_FALSE(f.recover(plain{1}, start));
    EXPECT_EQ(value(f, cancelled), 9);
    EXPECT_EQ(value(f, thrown(3)), 9);
}

TEST(fallback, a_function_is_given_the_cause) {
    const fallback by_wait{when_refused([](const rejection& r) { return int(ceil_seconds(r.retry_after).count()); })};
    EXPECT_EQ(value(by_wait, open_circuit), 5);
    const fallback by_error{when_failed([](const std::string& e) { return int(e.size()); })};
    EXPECT_EQ(value(by_error, disk_full), 9);
    EXPECT_EQ(value(by_error, thrown(std::runtime_error{"io"})), std::nullopt) << "it takes strings, not exceptions";
    EXPECT_EQ(value(by_error, own{std::unexpect, rejection{errc::timed_out}}), std::nullopt);
}

TEST(fallback, the_first_handler_that_gives_an_answer_ends_it) {
    const auto never = [](const std::string&) { return std::optional<int>{}; };
    const fallback f{when_refused(1), when_failed(never), when_failed([](const std::string&) { return 2; }), always(3)};
    EXPECT_EQ(value(f, refused), 1);
    EXPECT_EQ(value(f, disk_full), 2) << "an empty optional passes on";
    EXPECT_EQ(value(f, cancelled), 3);
}

TEST(fallback, a_predicate_chooses_by_the_error_itself) {
    const fallback f{when([](const std::string& e) { return e == "disk full"; }, 1),
                     when([](const rejection& r) { return r.code == errc::bulkhead_full; }, 2)};
    EXPECT_EQ(value(f, disk_full), 1);
    EXPECT_EQ(value(f, own{std::unexpect, std::string{"disk lost"}}), std::nullopt);
    EXPECT_EQ(value(f, refused), 2);
    EXPECT_EQ(value(f, open_circuit), std::nullopt);
}

TEST(fallback, exceptions_are_answered_by_type) {
    const fallback f{when_thrown<std::out_of_range>(1), when_thrown<std::logic_error>([](const std::logic_error& e) {
                         return int(std::string{e.what()}.size());
                     })};
    EXPECT_EQ(value(f, thrown(std::out_of_range{"far"})), 1);
    EXPECT_EQ(value(f, thrown(std::invalid_argument{"four"})), 4) << "derived types too";
    EXPECT_EQ(value(f, thrown(std::runtime_error{"io"})), std::nullopt);
    EXPECT_EQ(value(f, thrown(42)), std::nullopt);
    EXPECT_EQ(value(f, disk_full), std::nullopt);
}

TEST(fallback, its_own_failure_reaches_the_caller) {
    const fallback f{when_refused([]() -> int { throw std::runtime_error{"cold store is down"}; }),
                     when_thrown<int>([](int) -> int { throw std::logic_error{"and this"}; }),
                     when_failed([](const std::string& e) -> std::expected<int, std::string> {
                         return std::unexpected(e + ", and no copy");
                     }),
                     always(1)};
    EXPECT_THROW((void)f.recover(open_circuit, start), std::runtime_error);
    EXPECT_THROW((void)f.recover<plain>(thrown(1), start), std::logic_error);
    const auto r = fallback{when_failed([](const std::string& e) -> std::expected<int, std::string> {
                       return std::unexpected(e + ", and no copy");
                   })}.recover(disk_full, start);
    ASSERT_TRUE(r);
    EXPECT_EQ(*r->error().error(), "disk full, and no copy");
}

TEST(fallback, answers_operations_that_return_nothing) {
    using nothing = std::expected<void, rejection>;
    int ran = 0;
    const fallback f{when_refused([&ran] { ++ran; })};
    const auto r = f.recover(nothing{std::unexpect, rejection{}}, start);
    ASSERT_TRUE(r);
    EXPECT_TRUE(r->has_value());
    EXPECT_EQ(ran, 1);
}

TEST(fallback, serves_the_last_good_value_until_it_is_too_old) {
    last_good<int> store;
    const fallback f{when_refused(stale(store, 1min)), when_refused(-1)};
    static_assert(decltype(f)::remembers && !decltype(fallback{always(1)})::remembers);
    EXPECT_EQ(value(f, open_circuit), -1) << "nothing was ever good";
    f.remember(plain{42}, start);
    f.remember(open_circuit, start + 5s);
    EXPECT_EQ(value(f, open_circuit, start + 60s), 42);
    EXPECT_EQ(value(f, open_circuit, start + 61s), -1);
}

TEST(fallback, a_stale_value_can_be_marked_with_its_age) {
    last_good<int> store;
    store.remember(1000, start);
    const fallback f{always(stale(store, 1min, [](int v, duration age) { return v + int(age / 1s); }))};
    EXPECT_EQ(value(f, open_circuit, start + 7s), 1007);
}
