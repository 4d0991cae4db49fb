#include <fusebox/grpc/interceptor.hpp>

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>

namespace fusebox::grpc {

namespace {

namespace api = ::grpc::experimental;
using hook = api::InterceptionHookPoints;

// refusal() knows the key by its address, which nothing from the wire can have.
constexpr char refusal_key[] = "fusebox-refusal";
constexpr char pushback_key[] = "grpc-retry-pushback-ms";

const char* reason(circuit_state s) noexcept {
    switch (s) {
        case circuit_state::forced_open: return "was opened by an operator";
        case circuit_state::half_open: return "is HALF-OPEN, and its trial calls are under way";
        default: return "is OPEN";
    }
}

// One call. gRPC makes one for each, and destroys it with the call's ClientContext: what the caller may
// still look at, such as the metadata of a refusal, can point in here.
//
// Of a stream, several batches may pass at the same time, on several threads. All members but `settled_`
// and the permit are written by the first batch only; the permit is used by whoever has set `settled_`.
class guarded_call final : public api::Interceptor {
public:
    guarded_call(std::shared_ptr<const interceptor_options> options, const api::ClientRpcInfo& call)
        : options_(std::move(options)),
          breaker_(options_->breakers->get(call.method())),
          is_stream_(call.type() != api::ClientRpcInfo::Type::UNARY) {}

    void Intercept(api::InterceptorBatchMethods* batch) override {
        // May come at any moment, beside another batch. The status will say that the call was cancelled.
        if (batch->QueryInterceptionHookPoint(hook::PRE_SEND_CANCEL)) return;
        if (batch->QueryInterceptionHookPoint(hook::PRE_SEND_INITIAL_METADATA) && !admit()) {
            fail_message(*batch);
            batch->Hijack();  // comes back here, with the hooks of an answer; `this` may be gone afterwards
            return;
        }
        if (refusal_) refuse(*batch);
        else listen(*batch);
        batch->Proceed();
    }

private:
    bool admit() {
        auto answer = breaker_->try_acquire();
        if (answer) {
            permit_ = std::move(*answer);
            is_trial_ = permit_.is_trial();
        } else {
            refusal_ = answer.error();
        }
        return answer.has_value();
    }

    // Of a unary call the status says it all, and its message counts as sent.
    void fail_message(api::InterceptorBatchMethods& batch) const {
        if (is_stream_ && batch.QueryInterceptionHookPoint(hook::PRE_SEND_MESSAGE)) batch.FailHijackedSendMessage();
    }

    // Answers in the server's place, as a connection does that is lost.
    void refuse(api::InterceptorBatchMethods& batch) {
        fail_message(batch);
        if (batch.QueryInterceptionHookPoint(hook::PRE_RECV_MESSAGE)) batch.FailHijackedRecvMessage();
        if (!batch.QueryInterceptionHookPoint(hook::PRE_RECV_STATUS)) return;

        std::string message =
            "fusebox: not sent, the circuit breaker " + breaker_->name() + ' ' + reason(breaker_->state());
        auto& trailing = *batch.GetRecvTrailingMetadata();
        trailing.emplace(::grpc::string_ref{refusal_key, sizeof refusal_key - 1}, "circuit_open");
        if (refusal_->retry_after > duration{0}) {
            wait_ = std::to_string(std::chrono::ceil<std::chrono::milliseconds>(refusal_->retry_after).count());
            message += "; retry after " + wait_ + " ms";
            trailing.emplace(pushback_key, wait_);
        }
        *batch.GetRecvStatus() = ::grpc::Status{::grpc::UNAVAILABLE, std::move(message)};
    }

    void listen(api::InterceptorBatchMethods& batch) {
        if (batch.QueryInterceptionHookPoint(hook::POST_RECV_STATUS)) {
            const answer ended{*batch.GetRecvStatus(), pushback_in(*batch.GetRecvTrailingMetadata())};
            report how = report_of(judge(ended), ended);
            if (is_stream_ && !how.elapsed) how.elapsed = duration{0};  // a long stream is not a slow call
            settle(how);
        } else if (is_stream_ && is_trial_ && batch.QueryInterceptionHookPoint(hook::POST_RECV_MESSAGE) &&
                   batch.GetRecvMessage() != nullptr) {
            settle({verdict::success, duration{0}});  // else a stream for hours would keep the circuit from closing
        }
    }

    void settle(const report& how) {
        if (!settled_.exchange(true, std::memory_order_acq_rel)) permit_.settle(how);
    }

    verdict judge(const answer& ended) const noexcept {
        if (!options_->classify) return breaker_verdict(ended);
        try {
            return options_->classify(ended);
        } catch (...) {  // there is nobody to throw at; it said nothing of the server
            return verdict::ignored;
        }
    }

    const std::shared_ptr<const interceptor_options> options_;
    const std::shared_ptr<circuit_breaker> breaker_;  // outlives the permit
    const bool is_stream_;
    bool is_trial_ = false;
    std::optional<rejection> refusal_;
    std::string wait_;
    std::atomic<bool> settled_{false};
    circuit_breaker::permit permit_;
};

class guarded_calls final : public api::ClientInterceptorFactoryInterface {
public:
    explicit guarded_calls(interceptor_options options)
        : options_(std::make_shared<const interceptor_options>(std::move(options))) {}

    api::Interceptor* CreateClientInterceptor(api::ClientRpcInfo* call) override {
        return new guarded_call{options_, *call};
    }

private:
    const std::shared_ptr<const interceptor_options> options_;
};

}  // namespace

std::vector<config_error> interceptor_options::validate() const {
    if (breakers) return {};
    return {{"breakers", "null", "must be a registry, as by std::make_shared<fusebox::circuit_breaker_registry>()"}};
}

std::vector<std::unique_ptr<api::ClientInterceptorFactoryInterface>> interceptors(interceptor_options options) {
    if (auto errors = options.validate(); !errors.empty())
        throw configuration_error("gRPC interceptor", std::move(errors));
    std::vector<std::unique_ptr<api::ClientInterceptorFactoryInterface>> factories;
    factories.push_back(std::make_unique<guarded_calls>(std::move(options)));
    return factories;
}

std::optional<rejection> refusal(const ::grpc::ClientContext& finished) {
    const auto& trailing = finished.GetServerTrailingMetadata();
    const auto [first, last] = trailing.equal_range(refusal_key);
    for (auto at = first; at != last; ++at)
        if (at->first.data() == refusal_key)
            return rejection{errc::circuit_open, pushback_in(trailing).value_or(duration{0})};
    return {};
}

}  // namespace fusebox::grpc
