// Where the outcome of an operation lies while the policies look at it.
#pragma once

#include <fusebox/call_context.hpp>
#include <fusebox/detail/fault.hpp>
#include <fusebox/detail/protected_call.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace fusebox::detail {

// What the policies hear of an attempt's end.
struct ending {
    report how = verdict::success;
    bool refused = false;   // the operation was not called: by a policy further in, or since it was too late
    bool given_up = false;  // nobody wants the answer any more
};

// The result of an operation that returns `Raw`, or what it threw, or a policy's answer.
template <class Raw, class Classifier>
class slot {
public:
    using raw_type = Raw;
    using result_type = call_result_t<Raw>;

    explicit slot(Classifier& classify) noexcept : classify_(&classify) {}

    // Runs `make`, which returns Raw, and keeps what comes of it.
    template <class Make>
    void fill(Make&& make) noexcept {
        try {
            if constexpr (std::is_void_v<Raw>) {
                std::forward<Make>(make)();
                result_.emplace();
            } else {
                set(std::forward<Make>(make)());
            }
        } catch (...) {
            fail(std::current_exception());
        }
    }
    template <class Value>
    void set(Value&& value) {
        if (thrown_) [[unlikely]]
            thrown_ = nullptr;
        result_.emplace(as_call_result<Raw>(std::forward<Value>(value)));
    }
    void refuse(rejection answer) {
        thrown_ = nullptr;
        result_.emplace(std::unexpect, answer);
    }
    void fail(std::exception_ptr thrown) noexcept {
        result_.reset();
        thrown_ = std::move(thrown);
    }

    // Takes over what lies in another slot of the same call.
    void take_from(slot& other) {
        thrown_ = std::move(other.thrown_);
        result_.reset();
        if (other.result_) result_.emplace(std::move(*other.result_));
    }

    // The verdict. A classifier that throws replaces the outcome by what it threw, and says nothing of
    // the dependency.
    ending judge() noexcept {
        try {
            if (thrown_) return {judge_thrown()};
            if (const rejection* answer = policy_answer_in(*result_)) return {verdict_on(*answer), !answer->was_made()};
            return {judge_result()};
        } catch (...) {
            fail(std::current_exception());
            return {verdict::ignored};
        }
    }

    bool succeeded() const noexcept { return result_ && result_->has_value(); }

    // Lets a fallback put something in the place of the error. True when it did. An error that was there when the
    // caller gave up is shown as errc::cancelled: nobody asks for another answer to it.
    template <class Fallback>
    bool recover(const Fallback& fallback, time_point now, bool given_up) noexcept {
        try {
            auto answer = given_up  ? fallback.recover(result_type{std::unexpect, rejection{errc::cancelled}}, now)
                          : thrown_ ? fallback.template recover<result_type>(thrown_, now)
                                    : fallback.recover(*result_, now);
            if (!answer) return false;
            thrown_ = nullptr;
            result_.emplace(std::move(*answer));
        } catch (...) {  // a fallback's own failure is what reaches the caller
            fail(std::current_exception());
        }
        return true;
    }

    // Shows a fallback the good value, if it wants to keep it.
    template <class Fallback>
    void remember(const Fallback& fallback, time_point now) noexcept {
        try {
            fallback.remember(*result_, now);
        } catch (...) {  // without memory for it the answer is good all the same
        }
    }

    result_type take() {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(*result_);
    }

private:
    report judge_result() {
        if constexpr (std::is_void_v<Raw>) return judge_void(*classify_);
        else if constexpr (std::is_same_v<Raw, result_type>) return (*classify_)(*result_);
        else if constexpr (is_expected<Raw>) return judge_own_error();
        else return (*classify_)(**result_);
    }
    // The classifier was written for the operation's own expected<T, E>: show it one.
    report judge_own_error() {
        if constexpr (std::is_void_v<typename Raw::value_type>) {
            return result_->has_value() ? (*classify_)(Raw{})
                                        : (*classify_)(Raw{std::unexpect, *result_->error().error()});
        } else if constexpr (requires { (*classify_)(*result_); }) {
            return (*classify_)(*result_);
        } else {
            return result_->has_value() ? (*classify_)(Raw{**result_})
                                        : (*classify_)(Raw{std::unexpect, *result_->error().error()});
        }
    }
    report judge_thrown() {
        if constexpr (requires {
                          { (*classify_)(thrown_) } -> std::convertible_to<report>;
                      })
            return (*classify_)(thrown_);
        else return verdict::failure;
    }

    Classifier* classify_;
    std::optional<result_type> result_;
    std::exception_ptr thrown_;
};

// Calls an operation with the context if it takes one.
template <class F>
decltype(auto) invoke_operation(F& operation, const call_context& context) {
    if constexpr (std::is_invocable_v<F&, const call_context&>) return std::invoke(operation, context);
    else return std::invoke(operation);
}
template <class F>
using operation_result_t = decltype(invoke_operation(std::declval<F&>(), std::declval<const call_context&>()));

}  // namespace fusebox::detail
