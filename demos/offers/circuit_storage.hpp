// Where circuits live, and so who shares them: services that ask one storage for the same name have the same circuit,
// and when one of them trips it, all of them refuse.
//
// A storage behind several processes gives each of them a breaker of its own, and keeps them in step: the breaker's
// events tell it what to send, export_state() is what, and import_state() takes over what another process sent. The
// services need not know.
#pragma once

#include <stage/environment.hpp>

#include <fusebox/circuit_breaker_registry.hpp>

#include <memory>
#include <string>

namespace offers {

class circuit_storage {
public:
    virtual ~circuit_storage() = default;

    // The circuit of that name, made when it is first asked for. Never null. From any thread.
    virtual std::shared_ptr<fusebox::circuit_breaker> circuit(const std::string& name,
                                                              const fusebox::circuit_breaker_options& options) = 0;
};

// In the memory of this process: all services in it share.
class memory_storage final : public circuit_storage {
public:
    // `clock` is the breakers', for tests; null is the system's.
    explicit memory_storage(const fusebox::monotonic_clock* clock = nullptr) : circuits_({}, clock) {}

    std::shared_ptr<fusebox::circuit_breaker> circuit(const std::string& name,
                                                      const fusebox::circuit_breaker_options& options) override;

private:
    fusebox::circuit_breaker_registry circuits_;
};

// STATE_STORAGE: memory.
std::unique_ptr<circuit_storage> storage_from(stage::environment& env);

}  // namespace offers
