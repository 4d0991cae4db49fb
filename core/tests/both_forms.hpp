// The same policies in both forms of a pipeline, sharing the same live policies.
#pragma once

#include <fusebox/dynamic_pipeline.hpp>
#include <fusebox/pipeline.hpp>

#include <memory>
#include <utility>
#include <vector>

// A live policy of a test, which outlives the pipeline, as a part of a dynamic one.
template <class P>
fusebox::policy_spec spec_of(P& policy) {
    if constexpr (fusebox::composition::is_opt_out<P>) return policy;
    else if constexpr (std::is_same_v<P, fusebox::timeout>) return fusebox::timeout_options{policy.limit()};
    else return std::shared_ptr<P>(std::shared_ptr<void>{}, &policy);
}

template <class... P>
std::unique_ptr<fusebox::dynamic_pipeline> dynamic_of(P&... policy) {
    return std::make_unique<fusebox::dynamic_pipeline>(fusebox::dynamic_pipeline::make({spec_of(policy)...}).value());
}

// How a test that runs for each form makes its pipeline.
struct compile_time_form {
    template <class... P>
    static auto of(P&... policy) {
        return std::make_unique<fusebox::pipeline<P&...>>(policy...);
    }
};
struct run_time_form {
    template <class... P>
    static auto of(P&... policy) {
        return dynamic_of(policy...);
    }
};
