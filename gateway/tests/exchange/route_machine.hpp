// A route's machine, and a driver that writes down what it is told. No socket, no loop.
#pragma once

#include "exchange/exchange_machine.hpp"
#include "plan/plan.hpp"

#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace fusebox::gateway {

class route_machine : public exchange_lender {
private:
    struct nobody final : detail::waker {
        void wake() noexcept override {}
    };
    nobody nobody_;
    std::unique_ptr<plan> plan_;  // whose policies the machine goes through: it ends after that

public:
    route_machine() {
        for (const char* name : {"orders", "spare"}) {
            upstream_configuration u;
            u.name = name;
            u.endpoints = {{{"127.0.0.1", 1}, 1}, {{"127.0.0.1", 2}, 1}};
            configured.upstreams.push_back(u);
        }
        configured.listen = {{"127.0.0.1", 0}};
        configured.routes.emplace_back();
        route().name = "orders";
        route().upstream = "orders";
        route().retry.reset();
        route().circuit_breaker.reset();
    }

    virtual ~route_machine() = default;
    route_machine(const route_machine&) = delete;
    route_machine& operator=(const route_machine&) = delete;

    route_configuration& route() { return configured.routes[0]; }
    route_state& planned() { return *plan_->routes()[0]; }
    void make() {
        auto made = plan::make(configured, 1, &clock);
        ASSERT_TRUE(made.has_value());
        plan_ = std::move(*made);
    }

    detail::waker& waker_of(std::uint32_t) override { return nobody_; }
    std::span<const pipeline_part> policies() override { return plan_->routes()[0]->policies.parts(); }
    bool is_trial(std::uint32_t) const override { return false; }

    // Everything that is to be done after this: "ask 1", "refuse circuit_open", …
    std::vector<std::string> begin(exchange_machine::request asked = {.idempotent = true, .whole = true}) {
        if (!plan_) make();
        return all(machine.begin(planned(), asked, clock.now()));
    }
    std::vector<std::string> after(const event& e) { return all(machine.resume(e, clock.now())); }
    std::vector<std::string> answers(std::uint32_t attempt, int status) {
        return after({.kind = event::answered, .attempt = attempt, .report = {.status = status}});
    }
    std::vector<std::string> fails(std::uint32_t attempt, incident what, bool untouched = false, bool kept = true) {
        return after({.kind = event::failed,
                      .attempt = attempt,
                      .report = {.what = what, .untouched = untouched, .body_kept = kept}});
    }
    std::vector<std::string> ends(bool whole = true) { return after({.kind = event::response_ended, .whole = whole}); }
    std::vector<std::string> is_lost(incident why = incident::client_gone) {
        return after({.kind = event::client_lost, .why = why});
    }

    std::vector<std::string> all(action a) {
        std::vector<std::string> said;
        for (; a.kind != action::none; a = machine.resume({}, clock.now())) said.push_back(text_of(a));
        return said;
    }
    static std::string text_of(const action& a) {
        const std::string n = " " + std::to_string(a.attempt);
        switch (a.kind) {
            case action::none: return "none";
            case action::look_up: return "look up";
            case action::look_for_stale: return "look for stale";
            case action::leave_flight: return "leave flight";
            case action::wait: return (a.at == time_point::max() ? "wait no more" : "wait") + n;
            case action::choose: return "choose" + n;
            case action::ask: return "ask" + n;
            case action::settle: return "settle" + n;
            case action::settle_trial: return "settle trial" + n;
            case action::rest: return "rest" + n;
            case action::lose: return "lose" + n;
            case action::switch_upstream: return "switch upstream";
            case action::relay: return "relay" + n;
            case action::tunnel: return "tunnel" + n;
            case action::give_kept: return "give kept";
            case action::give_fixed: return "give fixed";
            case action::refuse: return "refuse " + std::string{row_of(a.why).name};
            case action::finish: return "finish" + n;
            case action::over: return "over";
        }
        return "?";
    }

    configuration configured;
    fusebox::testing::manual_clock clock{std::chrono::hours{1}};
    exchange_machine machine{*this};
};

}  // namespace fusebox::gateway
