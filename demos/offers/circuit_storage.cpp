#include <offers/circuit_storage.hpp>

namespace offers {

std::shared_ptr<fusebox::circuit_breaker> memory_storage::circuit(const std::string& name,
                                                                  const fusebox::circuit_breaker_options& options) {
    if (auto refused = circuits_.configure(name, options); !refused)
        throw fusebox::configuration_error(name, std::move(refused.error()));
    return circuits_.get(name);
}

std::unique_ptr<circuit_storage> storage_from(stage::environment& env) {
    const std::string wanted = env.text("STATE_STORAGE", "memory");
    if (wanted == "redis") env.refuse("STATE_STORAGE=redis comes with shared state, which is not there yet; memory is");
    else if (wanted != "memory") env.refuse("STATE_STORAGE=" + wanted + " must be memory");
    return std::make_unique<memory_storage>();
}

}  // namespace offers
