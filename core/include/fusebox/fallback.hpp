// What the caller gets when there is no answer: a value, a function of the error, or the last good answer.
//
//   fusebox::last_good<offer> offers;
//   fusebox::fallback cold{
//       fusebox::when_refused(fusebox::stale(offers, 5min)),                      // the breaker is open
//       fusebox::when_thrown<no_such_offer>([](const no_such_offer& e) { … }),   // one type of exception
//       fusebox::when_failed([](const http_error& e) { … }),                      // the operation's own error
//       fusebox::always(offer::none())};                                          // whatever else
//
// The handlers are asked in the order written; the first that gives an answer ends it. One gives none when it is
// not meant for the cause, does not take its type, or returns an empty optional. Without an answer the error
// stays as it was. An answer is
//   a value          that the operation's result can hold;
//   a function       of the cause, or of nothing, returning such a value, an optional of one, or a result that may
//                    itself be an error; what it throws, and the error it returns, reach the caller;
//   stale(store, a)  the last good value, unless it is older than `a`.
//
// The causes are: a rejection (a policy's answer), the operation's own error E, and a std::exception_ptr (for
// when_thrown<X>, the X).
//
// Thread-safety: recover() and remember() may be called at once from any thread if the handlers' functions may;
// they are called as const.
#pragma once

#include <fusebox/cache.hpp>
#include <fusebox/detail/protected_call.hpp>
#include <fusebox/policy.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace fusebox {

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class R>
struct value_of {
    using type = R;
};
template <class T, class E>
struct value_of<std::expected<T, E>> {
    using type = T;
};
template <class R>
using value_of_t = typename value_of<R>::type;

// What `make()` returns, as an answer of the type R.
template <class R, class Make>
std::optional<R> made_answer(Make make) {
    using made = std::remove_cvref_t<decltype(make())>;
    if constexpr (std::is_void_v<made>) {
        static_assert(std::is_void_v<value_of_t<R>>, "the fallback returns nothing, the operation returns a value");
        make();
        return R{};
    } else if constexpr (is_optional<made> && !std::is_same_v<made, value_of_t<R>>) {
        auto answer = make();
        return answer ? std::optional<R>{R(*std::move(answer))} : std::nullopt;
    } else if constexpr (is_expected<made> && !std::is_same_v<made, value_of_t<R>>) {
        static_assert(std::is_constructible_v<R, call_result_t<made>>,
                      "the operation's result cannot hold what the fallback returns");
        return R(as_call_result(make()));
    } else {
        static_assert(std::is_constructible_v<R, made>, "the operation's result cannot hold what the fallback returns");
        return R(make());
    }
}

template <class Source, class R>
concept fallback_value = !std::is_void_v<value_of_t<R>> && std::convertible_to<const Source&, value_of_t<R>>;

// True when `Source` has something to say to a cause of this type.
template <class Source, class R, class Cause>
concept answers = std::invocable<const Source&, const Cause&> || std::invocable<const Source&> ||
                  std::invocable<const Source&, time_point> || fallback_value<Source, R>;

template <class R, class Source, class Cause>
std::optional<R> answer(const Source& source, const Cause& cause, time_point now) {
    if constexpr (std::invocable<const Source&, const Cause&>)
        return made_answer<R>([&]() -> decltype(auto) { return std::invoke(source, cause); });
    else if constexpr (std::invocable<const Source&>)
        return made_answer<R>([&]() -> decltype(auto) { return std::invoke(source); });
    else if constexpr (std::invocable<const Source&, time_point>)
        return made_answer<R>([&]() -> decltype(auto) { return std::invoke(source, now); });
    else if constexpr (fallback_value<Source, R>) return made_answer<R>([&]() -> const Source& { return source; });
    else return std::nullopt;
}

template <class Handler>
inline constexpr bool handler_remembers = requires { &decltype(Handler::source)::remember; };

struct is_refused {
    bool operator()(const rejection& r) const noexcept { return !r.was_made() && r.code != errc::cancelled; }
};
struct is_failed {
    bool operator()(const rejection& r) const noexcept { return r.code == errc::timed_out && r.was_made(); }
    template <class Cause>
    bool operator()(const Cause&) const noexcept {
        return true;
    }
};
struct is_any {
    template <class Cause>
    bool operator()(const Cause&) const noexcept {
        return true;
    }
};

template <class Predicate, class Source>
struct fallback_handler {
    Predicate applies;
    Source source;

    template <class R, class Cause>
    std::optional<R> give(const Cause& cause, time_point now) const {
        if constexpr (std::predicate<const Predicate&, const Cause&>)
            if (std::invoke(applies, cause)) return answer<R>(source, cause, now);
        return std::nullopt;
    }
};

template <class X, class Source>
struct thrown_handler {
    Source source;

    template <class R, class Cause>
    std::optional<R> give(const Cause& cause, time_point now) const {
        if constexpr (std::is_same_v<Cause, std::exception_ptr>) {
            try {
                std::rethrow_exception(cause);
            } catch (const X& thrown) {
                static_assert(answers<Source, R, X>, "this fallback does not take the exception it is meant for");
                return answer<R>(source, thrown, now);
            } catch (...) {}
        }
        return std::nullopt;
    }
};

}  // namespace detail

// The last good value of `store`, for fallbacks: whatever passes through the fallback well is remembered there.
// `store` must outlive it. `adapt(value, age)` may mark the value as old.
template <class T, class Adapt>
class stale_source {
public:
    stale_source(last_good<T>& store, duration max_age, Adapt adapt)
        : store_(&store), max_age_(max_age), adapt_(std::move(adapt)) {}

    std::optional<T> operator()(time_point now) const {
        auto old = store_->get(now, max_age_);
        return old ? std::optional<T>{std::invoke(adapt_, *old->value, old->age)} : std::nullopt;
    }
    void remember(const T& value, time_point now) const { store_->remember(value, now); }

private:
    last_good<T>* store_;
    duration max_age_;
    Adapt adapt_;
};

template <class T, class Adapt>
auto stale(last_good<T>& store, duration max_age, Adapt adapt) {
    return stale_source<T, Adapt>{store, max_age, std::move(adapt)};
}
template <class T>
auto stale(last_good<T>& store, duration max_age) {
    return stale(store, max_age, [](const T& value, duration) -> const T& { return value; });
}

// Only when a policy refused the call: an open circuit, a full bulkhead, a queue in which the time ran out. Other
// errors pass.
template <class Source>
auto when_refused(Source source) {
    return detail::fallback_handler<detail::is_refused, Source>{{}, std::move(source)};
}

// When the call was made and failed: the operation's error, its exception, or the rejection errc::timed_out. Not
// when the caller cancelled it, nor when it was never made.
template <class Source>
auto when_failed(Source source) {
    return detail::fallback_handler<detail::is_failed, Source>{{}, std::move(source)};
}

// When predicate(cause) is true; causes of types that it does not take pass.
template <class Predicate, class Source>
auto when(Predicate predicate, Source source) {
    return detail::fallback_handler<Predicate, Source>{std::move(predicate), std::move(source)};
}

// When the operation threw an X, or a type derived from it.
template <class X, class Source>
auto when_thrown(Source source) {
    return detail::thrown_handler<X, Source>{std::move(source)};
}

// Whatever the cause.
template <class Source>
auto always(Source source) {
    return detail::fallback_handler<detail::is_any, Source>{{}, std::move(source)};
}

// How a driver uses one, with R the result of the protected call, expected<T, rejection> or
// expected<T, call_error<E>>:
//   after a success       remember(result, now), only if `remembers`
//   after an error        recover(result, now)
//   after an exception    recover<R>(thrown, now)
// An empty optional leaves the error as it is; otherwise what it holds takes the error's place, be it a value or
// another error. Exceptions thrown by recover() are for the caller. `now` matters only if `remembers`.
template <class... Handlers>
class fallback : public fallback_base {
public:
    explicit fallback(Handlers... handlers) : handlers_(std::move(handlers)...) {}

    // True when a handler needs the good values too.
    static constexpr bool remembers = (detail::handler_remembers<Handlers> || ...);

    template <class R>
    void remember(const R& result, time_point now) const {
        if constexpr (remembers && is_expected<R>) {
            if (result) remember_value(*result, now);
        } else if constexpr (remembers) {
            remember_value(result, now);
        }
    }

    template <class R>
        requires is_expected<R>
    std::optional<R> recover(const R& result, time_point now) const {
        if (result) return std::nullopt;
        if (const rejection* refused = detail::policy_answer_in(result)) return first_answer<R>(*refused, now);
        if constexpr (!std::is_same_v<typename R::error_type, rejection>)
            return first_answer<R>(own_error(result), now);
        else return std::nullopt;
    }

    template <class R>
    std::optional<R> recover(const std::exception_ptr& thrown, time_point now) const {
        return first_answer<R>(thrown, now);
    }

private:
    template <class R>
    static const auto& own_error(const R& result) noexcept {
        if constexpr (requires { result.error().rejected(); }) return *result.error().error();
        else return result.error();
    }

    template <class R, class Cause>
    std::optional<R> first_answer(const Cause& cause, time_point now) const {
        std::optional<R> found;
        const auto gives = [&](const auto& handler) {
            if (auto answer = handler.template give<R>(cause, now)) found.emplace(*std::move(answer));
            return found.has_value();
        };
        std::apply([&](const auto&... handler) { (void)(gives(handler) || ...); }, handlers_);
        return found;
    }

    template <class T>
    void remember_value(const T& value, time_point now) const {
        const auto tell = [&](const auto& handler) {
            if constexpr (requires { handler.source.remember(value, now); }) handler.source.remember(value, now);
        };
        std::apply([&](const auto&... handler) { (tell(handler), ...); }, handlers_);
    }

    std::tuple<Handlers...> handlers_;
};

}  // namespace fusebox
