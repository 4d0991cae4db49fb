#include <fusebox/circuit_breaker.hpp>

#include <fusebox/detail/breaker_engine_impl.hpp>

#include <chrono>
#include <thread>

namespace fusebox {

namespace detail {

template class breaker_engine<native_platform>;

void native_platform::relax(unsigned rounds) noexcept {
    if (rounds < 64) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    } else if (rounds < 256) {
        std::this_thread::yield();
    } else {
        std::this_thread::sleep_for(std::chrono::microseconds{50});
    }
}

}  // namespace detail

namespace {

std::shared_ptr<const circuit_breaker_options> checked(const std::string& name, circuit_breaker_options options) {
    if (auto errors = options.validate(); !errors.empty())
        throw configuration_error("circuit breaker '" + name + "'", std::move(errors));
    return std::make_shared<const circuit_breaker_options>(std::move(options));
}

}  // namespace

circuit_breaker::circuit_breaker(std::string name, circuit_breaker_options options, const monotonic_clock* time)
    : circuit_breaker(name, checked(name, std::move(options)), time) {}

circuit_breaker::circuit_breaker(std::string name, std::shared_ptr<const circuit_breaker_options> options,
                                 const monotonic_clock* time)
    : engine_(std::move(name), options, options->seed ? *options->seed : fresh_seed(),
              detail::native_platform::time{time}) {}

std::expected<void, std::vector<config_error>> circuit_breaker::reconfigure(circuit_breaker_options options) {
    if (auto errors = options.validate(); !errors.empty()) return std::unexpected(std::move(errors));
    engine_.reconfigure(std::make_shared<const circuit_breaker_options>(std::move(options)));
    return {};
}

std::expected<void, std::string> circuit_breaker::import_state(const circuit_image& image) {
    if (std::string fault = image.fault(); !fault.empty()) return std::unexpected("circuit image: " + fault);
    engine_.import_image(image);
    return {};
}

subscription circuit_breaker::subscribe(circuit_listener listener, event_mask kinds) {
    const auto id = engine_.subscribe(kinds, std::move(listener));
    return subscription{[this, id] { engine_.unsubscribe(id); }};
}

subscription circuit_breaker::at_opening(std::function<void()> act) {
    const auto id =
        engine_.subscribe(0, [act = std::move(act)](const circuit_event&) { act(); }, engine::turn::at_once);
    return subscription{[this, id] { engine_.unsubscribe(id); }};
}

}  // namespace fusebox
