// How the results of protected operations are typed and judged; shared by everything that calls one.
#pragma once

#include <fusebox/detail/fault.hpp>
#include <fusebox/error.hpp>
#include <fusebox/verdict.hpp>

#include <exception>
#include <expected>
#include <functional>
#include <type_traits>
#include <utility>

namespace fusebox::detail {

// What a protected call returns for an operation that returns `R`:
//   T                        -> std::expected<T, rejection>
//   expected<T, E>           -> std::expected<T, call_error<E>>
//   expected<T, call_error<E>> stays as it is: policies nest without nesting the type.
template <class R>
struct call_result {
    using type = std::expected<R, rejection>;
};
template <class T, class E>
struct call_result<std::expected<T, E>> {
    using type = std::expected<T, call_error<E>>;
};
template <class T, class E>
struct call_result<std::expected<T, call_error<E>>> {
    using type = std::expected<T, call_error<E>>;
};
template <class T>
struct call_result<std::expected<T, rejection>> {
    using type = std::expected<T, rejection>;
};
template <class R>
using call_result_t = typename call_result<std::remove_cvref_t<R>>::type;

// The result of an operation as the result of the protected call.
template <class R>
call_result_t<R> as_call_result(R&& result) {
    using result_type = call_result_t<R>;
    if constexpr (std::is_same_v<std::remove_cvref_t<R>, result_type>) {
        return std::forward<R>(result);
    } else if constexpr (is_expected<std::remove_cvref_t<R>>) {
        if (!result) return result_type{std::unexpect, std::forward<R>(result).error()};
        if constexpr (std::is_void_v<typename result_type::value_type>) return result_type{};
        else return result_type{std::in_place, *std::forward<R>(result)};
    } else {
        return result_type{std::in_place, std::forward<R>(result)};
    }
}

// The answer of a policy of this library inside `result`, or null.
template <class R>
const rejection* policy_answer_in(const R& result) noexcept {
    if constexpr (is_expected<R>) {
        if (!result) {
            if constexpr (std::is_same_v<typename R::error_type, rejection>) return &result.error();
            else if constexpr (requires {
                                   { result.error().rejected() } -> std::convertible_to<const rejection*>;
                               })
                return result.error().rejected();
        }
    }
    return nullptr;
}

// The verdict on a result.
template <class Classifier, class R>
report judge(Classifier& classify, const R& result) {
    if (const rejection* r = policy_answer_in(result)) return verdict_on(*r);
    return classify(result);
}
template <class Classifier>
report judge_void(Classifier& classify) {
    if constexpr (requires {
                      { classify() } -> std::convertible_to<report>;
                  })
        return classify();
    else return verdict::success;
}
template <class Classifier>
report judge_exception(Classifier& classify) {
    if constexpr (requires(std::exception_ptr p) {
                      { classify(p) } -> std::convertible_to<report>;
                  })
        return classify(std::current_exception());
    else return verdict::failure;
}

// Runs `operation` under a permit that was given for it, and settles that with what became of it.
template <class Permit, class F, class Classifier>
[[gnu::always_inline]] inline auto run_under(Permit& held, F& operation, Classifier& classify)
    -> call_result_t<std::invoke_result_t<F&>> {
    using R = std::invoke_result_t<F&>;
    const auto ran = [&]() -> R {
        try {
            return std::invoke(operation);
        } catch (...) {
            held.settle(judge_exception(classify));
            throw;
        }
    };
    if constexpr (std::is_void_v<R>) {
        ran();
        held.settle(judge_void(classify));
        return {};
    } else {
        R result = ran();
        held.settle(judge(classify, result));
        return as_call_result<R>(std::forward<R>(result));
    }
}

}  // namespace fusebox::detail
