// A unary call through a pipeline: retried, within a deadline, with a fresh context for each attempt.
//
//   fusebox::retry again;                                            // shared by the calls to this method
//   fusebox::pipeline calls{fusebox::timeout{10s}, again, fusebox::timeout{3s}};
//   auto placed = fusebox::grpc::call(calls, [&](grpc::ClientContext& context) {
//       return stub->Place(&context, order, &receipt);
//   });
//   if (!placed) …                                                   // expected<void, call_error<grpc::Status>>
//
// Each attempt inherits what is left of the nearest timeout as its gRPC deadline, and asks the breaker of its
// method if the stub's channel has one (interceptor.hpp); a refusal by that one ends the retries, and arrives
// as a rejection. Why retries are made here and not in the interceptor: docs/decisions/0005.
//
// Thread-safety: that of pipeline::call. Blocks the calling thread; not for gRPC's own threads.
#pragma once

#include <fusebox/error.hpp>
#include <fusebox/grpc/interceptor.hpp>
#include <fusebox/grpc/status.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/pipeline.hpp>

#include <grpcpp/client_context.h>

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace fusebox::grpc {

using call_result = std::expected<void, call_error<::grpc::Status>>;

namespace detail {

// gRPC's deadlines may strike before the clock of ours shows them to be due, but by less than this.
inline constexpr duration clock_difference = std::chrono::milliseconds{5};

inline bool is_due(const call_context& c) noexcept {
    return c.deadline() != time_point::max() && c.remaining(steady_now()) <= clock_difference;
}

template <class Pipeline>
inline constexpr bool hedges = false;
template <class... Held>
inline constexpr bool hedges<pipeline<Held...>> = (std::is_same_v<fusebox::detail::held_policy<Held>, hedge> || ...);

// Of a pipeline that is put together at run time, a hedge shows only then.
template <class Pipeline>
void refuse_hedge(Pipeline& through) {
    if constexpr (requires { through.template find<hedge>(); })
        if (through.template find<hedge>())
            throw configuration_error("gRPC call", {{"pipeline", "hedge",
                                                     "must be without a hedge, whose attempts would write to one "
                                                     "response at the same time"}});
}

// One attempt; notes what the server wishes of the next.
template <class Method>
call_result attempt(Method& method, const call_context& c, std::optional<duration>& pushback) {
    ::grpc::ClientContext context;
    if (c.deadline() != time_point::max())
        context.set_deadline(std::chrono::system_clock::now() + c.remaining(steady_now()));
    ::grpc::Status status;
    {
        const std::stop_callback give_up{c.stop(), [&] { context.TryCancel(); }};
        status = std::invoke(method, context);
    }
    pushback = pushback_in(context.GetServerTrailingMetadata());
    if (status.ok()) return {};
    if (const auto refused = refusal(context)) return std::unexpected(call_error<::grpc::Status>{*refused});
    if (status.error_code() == ::grpc::DEADLINE_EXCEEDED && is_due(c))
        return std::unexpected(call_error<::grpc::Status>{rejection{errc::timed_out}});
    return std::unexpected(call_error<::grpc::Status>{std::move(status)});
}

}  // namespace detail

// Calls method(context), which makes one blocking unary call with that context and returns its status,
// through the policies, of which none may be a hedge (the attempts would share one response). `method` may set what it
// likes on the context, a deadline excepted: that is the pipeline's. `classify`, a classifier, gives the policies their
// verdict; for a retry, failure is "try again".
template <class Pipeline, class Method, class Classifier = decltype(&retry_verdict)>
call_result call(Pipeline& through, Method&& method, Classifier classify = &retry_verdict,
                 const call_options& options = {}) {
    static_assert(!detail::hedges<std::remove_cv_t<Pipeline>>,
                  "a hedge in the pipeline of a gRPC call: its attempts would write to one response at the same time");
    detail::refuse_hedge(through);
    std::optional<duration> pushback;
    return through.call([&](const call_context& c) { return detail::attempt(method, c, pushback); },
                        [&](const call_result& ended) -> report {
                            if (ended) return verdict::success;
                            const answer a{*ended.error().error(), pushback};
                            return report_of(classify(a), a);
                        },
                        options);
}

}  // namespace fusebox::grpc
