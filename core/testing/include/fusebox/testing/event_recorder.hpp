// Writes down what circuits and pipelines tell, for a test to compare: as values, or as lines of text.
//
//   fusebox::testing::event_recorder seen;
//   seen.watch(breaker);
//   seen.watch(calls);        // a pipeline
//   …
//   EXPECT_EQ(seen.lines(), (std::vector<std::string>{
//       "attempt_started 1", "attempt_ended 1: failure", "orders: circuit_opened by consecutive_failures", …
//
// A line has the event's name and what it is about, and no times: those are in the values. The number is the attempt's.
//
// Thread-safe; events are kept in the order in which they were told. Watched circuits must outlive the recorder.
// A watched pipeline need not, nor be outlived.
#pragma once

#include <fusebox/circuit_event.hpp>
#include <fusebox/pipeline_event.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

namespace fusebox::testing {

class event_recorder {
public:
    // Records the events of these kinds of a circuit_breaker or a circuit_breaker_registry, from now on.
    template <class Circuits>
        requires requires(Circuits& c, circuit_listener l, event_mask m) {
            { c.subscribe(l, m) } -> std::same_as<subscription>;
        }
    void watch(Circuits& circuits, event_mask kinds = state_events) {
        subscriptions_.push_back(circuits.subscribe([log = log_](const circuit_event& e) { log->note(e); }, kinds));
    }

    // Records what happens to the calls of a pipeline, in place of the observer that it had.
    template <class Pipeline>
        requires requires(Pipeline& p, pipeline_listener l) { p.observe(l); }
    void watch(Pipeline& calls) {
        calls.observe([log = log_](const pipeline_event& e) { log->note(e); });
    }

    // The names in them are valid as long as the recorder lives.
    std::vector<circuit_event> circuit_events() const { return log_->all<circuit_event>(); }
    std::vector<pipeline_event> pipeline_events() const { return log_->all<pipeline_event>(); }

    // All events, in their order.
    std::vector<std::string> lines() const {
        const std::scoped_lock hold(log_->mutex);
        std::vector<std::string> all;
        for (const auto& event : log_->events) all.push_back(std::visit([](const auto& e) { return line(e); }, event));
        return all;
    }

    // Forgets what was recorded, and goes on.
    void clear() {
        const std::scoped_lock hold(log_->mutex);
        log_->events.clear();
    }

private:
    // Shared with the listeners, one of which may be running while the recorder is destroyed.
    struct log {
        void note(circuit_event e) {
            const std::scoped_lock hold(mutex);
            e.circuit = *names.emplace(e.circuit).first;
            events.push_back(e);
        }
        void note(const pipeline_event& e) {
            const std::scoped_lock hold(mutex);
            events.push_back(e);
        }
        template <class Event>
        std::vector<Event> all() const {
            const std::scoped_lock hold(mutex);
            std::vector<Event> found;
            for (const auto& event : events)
                if (const auto* e = std::get_if<Event>(&event)) found.push_back(*e);
            return found;
        }

        mutable std::mutex mutex;
        std::set<std::string, std::less<>> names;  // of circuits: an event's own is valid during its delivery only
        std::vector<std::variant<circuit_event, pipeline_event>> events;
    };

    static std::string line(const circuit_event& e) {
        std::string text = std::string(e.circuit) + ": " + to_string(e.kind);
        if (e.rule != trip_rule::none) text += std::string(" by ") + to_string(e.rule);
        return e.is_virtual ? text + " (virtual)" : text;
    }
    static std::string line(const pipeline_event& e) {
        if (e.kind == pipeline_event_kind::call_ended) return std::string("call_ended: ") + word(e.outcome);
        const std::string text = to_string(e.kind) + (" " + std::to_string(e.attempt));
        const std::string by_policy = " by policy " + std::to_string(e.position);
        switch (e.kind) {
            case pipeline_event_kind::attempt_ended: return text + ": " + word(e.outcome);
            case pipeline_event_kind::call_refused:
                return text + by_policy + ": " + make_error_code(e.answer).message();
            case pipeline_event_kind::call_queued:
            case pipeline_event_kind::call_delayed: return text + by_policy;
            default: return text;
        }
    }
    static const char* word(verdict v) noexcept {
        return v == verdict::success ? "success" : v == verdict::failure ? "failure" : "ignored";
    }

    std::shared_ptr<log> log_ = std::make_shared<log>();
    std::vector<subscription> subscriptions_;
};

}  // namespace fusebox::testing
