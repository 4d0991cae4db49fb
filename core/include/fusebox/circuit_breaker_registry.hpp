// Circuit breakers by name: made when first asked for, from shared settings and overrides.
//
//   circuit_breaker_registry breakers{presets::internal_service()};
//   breakers.configure("payments", presets::external_api());
//   breakers.get("payments")->call(…);
//
// Thread-safety: all members may be called from any thread. get() of an existing breaker takes a
// shared lock; keep the pointer where every nanosecond counts. Listeners are called outside the lock.
#pragma once

#include <fusebox/circuit_breaker.hpp>

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox {

class circuit_breaker_registry {
public:
    // Throws configuration_error when `shared` cannot be meant. `time` must outlive the breakers.
    explicit circuit_breaker_registry(circuit_breaker_options shared = {}, const monotonic_clock* time = nullptr);
    ~circuit_breaker_registry();
    circuit_breaker_registry(const circuit_breaker_registry&) = delete;
    circuit_breaker_registry& operator=(const circuit_breaker_registry&) = delete;

    // The breaker of that name, made now if need be. Never null.
    std::shared_ptr<circuit_breaker> get(std::string_view name);

    // The breaker of that name, or null when nobody has asked for it yet.
    std::shared_ptr<circuit_breaker> find(std::string_view name) const;

    // Options for one name in place of the shared ones; an existing breaker is reconfigured.
    std::expected<void, std::vector<config_error>> configure(std::string_view name, circuit_breaker_options options);

    // Other shared options; breakers without options of their own are reconfigured.
    std::expected<void, std::vector<config_error>> configure_shared(circuit_breaker_options options);

    // All breakers, by name.
    std::vector<std::shared_ptr<circuit_breaker>> all() const;

    // Forgets a breaker; who holds it can go on using it. Its override stays. False when there was none.
    bool remove(std::string_view name);

    // Tells `listener` of the events of all breakers, those to come included.
    subscription subscribe(circuit_listener listener, event_mask kinds = state_events);

private:
    using options_ptr = std::shared_ptr<const circuit_breaker_options>;
    struct observer;
    struct entry;

    std::shared_ptr<entry> make(std::string_view name);
    const options_ptr& options_for(std::string_view name) const;
    void apply(circuit_breaker& breaker) const;
    void unsubscribe(std::uint64_t id);

    mutable std::shared_mutex mutex_;
    options_ptr shared_;
    const monotonic_clock* clock_;
    std::map<std::string, options_ptr, std::less<>> overrides_;
    std::map<std::string, std::shared_ptr<entry>, std::less<>> entries_;
    std::map<std::uint64_t, std::shared_ptr<observer>> observers_;
    std::uint64_t last_observer_ = 0;
};

}  // namespace fusebox
