#include <fusebox/dynamic_pipeline.hpp>

#include <algorithm>

namespace fusebox {

namespace {

template <class P>
constexpr std::string_view name_of() {
    if constexpr (std::is_same_v<P, timeout>) return "timeout";
    else if constexpr (std::is_same_v<P, retry>) return "retry";
    else if constexpr (std::is_same_v<P, hedge>) return "hedge";
    else if constexpr (std::is_same_v<P, circuit_breaker>) return "circuit_breaker";
    else if constexpr (std::is_same_v<P, circuit_node>) return "circuit_node";
    else if constexpr (std::is_same_v<P, bulkhead>) return "bulkhead";
    else if constexpr (std::is_same_v<P, token_bucket>) return "token_bucket";
    else if constexpr (std::is_same_v<P, fixed_window>) return "fixed_window";
    else if constexpr (std::is_same_v<P, sliding_window>) return "sliding_window";
    else if constexpr (std::is_same_v<P, adaptive_limiter>) return "adaptive_limiter";
    else if constexpr (std::is_same_v<P, throttler>) return "throttler";
    else if constexpr (std::is_same_v<P, chaos>) return "chaos";
    else if constexpr (std::is_same_v<P, allow_retry_inside_breaker>) return "allow_retry_inside_breaker";
    else return "allow_unbounded_tries";
}

// The policy that a spec becomes, and what is wrong with it.
template <class Spec>
struct becoming {  // an opt-out
    using policy = Spec;
    static std::vector<config_error> validate(const Spec&) { return {}; }
    static pipeline_part make(const Spec& spec, const monotonic_clock*) { return spec; }
};
template <class P>
struct becoming<std::shared_ptr<P>> {
    using policy = P;
    static std::vector<config_error> validate(const std::shared_ptr<P>& live) {
        if (live) return {};
        return {{"", "null", "must point to a policy"}};
    }
    static pipeline_part make(const std::shared_ptr<P>& live, const monotonic_clock*) { return live; }
};
template <class P, class Options>
struct made_by {
    using policy = P;
    static std::vector<config_error> validate(const Options& options) { return options.validate(); }
    static pipeline_part make(const Options& options, const monotonic_clock*) { return std::make_shared<P>(options); }
};
// clang-format off
template <> struct becoming<timeout_options> : made_by<timeout, timeout_options> {};
template <> struct becoming<retry_options> : made_by<retry, retry_options> {};
template <> struct becoming<hedge_options> : made_by<hedge, hedge_options> {};
template <> struct becoming<bulkhead_options> : made_by<bulkhead, bulkhead_options> {};
template <> struct becoming<token_bucket_options> : made_by<token_bucket, token_bucket_options> {};
template <> struct becoming<fixed_window_options> : made_by<fixed_window, fixed_window_options> {};
template <> struct becoming<sliding_window_options> : made_by<sliding_window, sliding_window_options> {};
template <> struct becoming<adaptive_limiter_options> : made_by<adaptive_limiter, adaptive_limiter_options> {};
template <> struct becoming<throttler_options> : made_by<throttler, throttler_options> {};
// clang-format on
template <>
struct becoming<chaos_options> : made_by<chaos, chaos_options> {
    static pipeline_part make(const chaos_options& options, const monotonic_clock* time) {
        return std::make_shared<chaos>(options, time ? time->now() : steady_now());
    }
};
template <>
struct becoming<circuit_breaker_spec> {
    using policy = circuit_breaker;
    static std::vector<config_error> validate(const circuit_breaker_spec& spec) { return spec.options.validate(); }
    static pipeline_part make(const circuit_breaker_spec& spec, const monotonic_clock* time) {
        return std::make_shared<circuit_breaker>(spec.name, spec.options, time);
    }
};

template <class Spec>
using policy_of = typename becoming<Spec>::policy;

std::string_view name_of(const policy_spec& spec) {
    return std::visit([]<class Spec>(const Spec&) { return name_of<policy_of<Spec>>(); }, spec);
}

// Which live policy a spec shares; null when it does not.
const void* shared_by(const policy_spec& spec) {
    return std::visit(
        []<class Spec>(const Spec& s) -> const void* {
            if constexpr (std::is_same_v<Spec, std::shared_ptr<policy_of<Spec>>>) return s.get();
            else return nullptr;
        },
        spec);
}

// Collects everything that is wrong with a row of policies.
class row_checker {
public:
    explicit row_checker(const std::vector<policy_spec>& specs) : specs_(specs) {}

    std::vector<config_error> check() {
        for (std::size_t i = 0; i < specs_.size(); ++i) {
            check_options(i);
            check_repetition(i);
        }
        check_order();
        return std::move(errors_);
    }

private:
    std::string place(std::size_t i) const {
        return "policies[" + std::to_string(i) + "]." + std::string(name_of(specs_[i]));
    }

    void check_options(std::size_t i) {
        auto found = std::visit([]<class Spec>(const Spec& s) { return becoming<Spec>::validate(s); }, specs_[i]);
        for (config_error& e : found) {
            e.option = e.option.empty() ? place(i) : place(i) + "." + e.option;
            errors_.push_back(std::move(e));
        }
    }

    // One call would ask the policy twice, and a guard could refuse it because of itself.
    void check_repetition(std::size_t i) {
        const void* const live = shared_by(specs_[i]);
        if (live == nullptr) return;
        for (std::size_t k = 0; k < i; ++k)
            if (shared_by(specs_[k]) == live)
                return errors_.push_back(
                    {place(i), "the policy of " + place(k),
                     "must not be in the same pipeline twice; make another with the same options"});
    }

    void check_order() {
        std::vector<policy_kind> kinds;
        composition::opt_outs allowed;
        std::size_t hedges = 0;
        for (std::size_t i = 0; i < specs_.size(); ++i) {
            allowed.retry_inside_breaker |= std::holds_alternative<allow_retry_inside_breaker>(specs_[i]);
            allowed.unbounded_tries |= std::holds_alternative<allow_unbounded_tries>(specs_[i]);
            kinds.push_back(
                std::visit([]<class Spec>(const Spec&) { return composition::kind_of<policy_of<Spec>>; }, specs_[i]));
            if (kinds.back() == policy_kind::hedge && ++hedges > 1)
                errors_.push_back({place(i), "another hedge", "must not be: put it into a pipeline of its own"});
        }
        // One fault after the other, each allowed once it has been found.
        for (;;) {
            const std::string_view fault = composition::fault_in(kinds.data(), kinds.size(), allowed);
            if (fault.empty()) return;
            errors_.push_back({"policies", in_order(), "must not hold " + std::string(fault)});
            (fault == composition::retry_inside_breaker ? allowed.retry_inside_breaker : allowed.unbounded_tries) =
                true;
        }
    }

    std::string in_order() const {
        std::string all;
        for (const policy_spec& spec : specs_) all += (all.empty() ? "" : ", ") + std::string(name_of(spec));
        return all;
    }

    const std::vector<policy_spec>& specs_;
    std::vector<config_error> errors_;
};

}  // namespace

std::string_view name_of_kind(const pipeline_part& part) noexcept {
    return std::visit([]<class Held>(const Held&) { return name_of<typename detail::part_policy<Held>::type>(); },
                      part);
}

std::vector<config_error> dynamic_pipeline::validate(const std::vector<policy_spec>& policies) {
    return row_checker(policies).check();
}

std::expected<dynamic_pipeline, std::vector<config_error>> dynamic_pipeline::make(std::vector<policy_spec> policies,
                                                                                  const monotonic_clock* time) {
    if (auto errors = validate(policies); !errors.empty()) return std::unexpected(std::move(errors));
    std::vector<pipeline_part> parts;
    parts.reserve(policies.size());
    for (const policy_spec& spec : policies)
        parts.push_back(std::visit([time]<class Spec>(const Spec& s) { return becoming<Spec>::make(s, time); }, spec));
    return dynamic_pipeline{std::move(parts)};
}

dynamic_pipeline::dynamic_pipeline(std::vector<pipeline_part> parts) : parts_(std::move(parts)) {
    const auto is_hedge = [](const pipeline_part& p) { return std::holds_alternative<std::shared_ptr<hedge>>(p); };
    hedge_position_ = static_cast<std::size_t>(std::ranges::find_if(parts_, is_hedge) - parts_.begin());
    if (hedge_position_ != parts_.size()) late_ = std::make_unique<detail::stragglers>();
}

}  // namespace fusebox
