#include <fusebox/circuit_breaker_registry.hpp>

#include <mutex>

namespace fusebox {

struct circuit_breaker_registry::observer {
    circuit_listener call;
    event_mask kinds;
};

// A breaker with the subscriptions that the registry's observers have on it. The subscriptions die
// with the breaker, or before it, never after.
struct circuit_breaker_registry::entry {
    entry(std::string_view name, options_ptr options, const monotonic_clock* time)
        : breaker(std::string(name), std::move(options), time) {}

    void observe(std::uint64_t id, const std::shared_ptr<observer>& o) {
        observed.emplace(id, breaker.subscribe([o](const circuit_event& e) { o->call(e); }, o->kinds));
    }

    circuit_breaker breaker;
    std::map<std::uint64_t, subscription> observed;  // behind the registry's lock
};

namespace {

std::expected<std::shared_ptr<const circuit_breaker_options>, std::vector<config_error>> checked(
    circuit_breaker_options options) {
    if (auto errors = options.validate(); !errors.empty()) return std::unexpected(std::move(errors));
    return std::make_shared<const circuit_breaker_options>(std::move(options));
}

}  // namespace

circuit_breaker_registry::circuit_breaker_registry(circuit_breaker_options shared, const monotonic_clock* time)
    : clock_(time) {
    auto options = checked(std::move(shared));
    if (!options) throw configuration_error("circuit breaker registry", std::move(options.error()));
    shared_ = std::move(*options);
}

circuit_breaker_registry::~circuit_breaker_registry() = default;

std::shared_ptr<circuit_breaker> circuit_breaker_registry::find(std::string_view name) const {
    const std::shared_lock hold(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return nullptr;
    return {found->second, &found->second->breaker};
}

std::shared_ptr<circuit_breaker> circuit_breaker_registry::get(std::string_view name) {
    if (auto existing = find(name)) return existing;
    const std::unique_lock hold(mutex_);
    auto found = entries_.find(name);
    if (found == entries_.end()) found = entries_.emplace(std::string(name), make(name)).first;
    return {found->second, &found->second->breaker};
}

std::shared_ptr<circuit_breaker_registry::entry> circuit_breaker_registry::make(std::string_view name) {
    auto made = std::make_shared<entry>(name, options_for(name), clock_);
    for (const auto& [id, o] : observers_) made->observe(id, o);
    return made;
}

const circuit_breaker_registry::options_ptr& circuit_breaker_registry::options_for(std::string_view name) const {
    const auto own = overrides_.find(name);
    return own == overrides_.end() ? shared_ : own->second;
}

// Listeners hear of a reconfiguration, so no lock is held meanwhile. Whoever configures looks again when he
// is done: the last one leaves the breaker with what holds for it.
void circuit_breaker_registry::apply(circuit_breaker& breaker) const {
    for (options_ptr applied;;) {
        options_ptr wanted;
        {
            const std::shared_lock hold(mutex_);
            wanted = options_for(breaker.name());
        }
        if (wanted == applied) return;
        (void)breaker.reconfigure(*wanted);  // validated when it was handed in
        applied = std::move(wanted);
    }
}

std::expected<void, std::vector<config_error>> circuit_breaker_registry::configure(std::string_view name,
                                                                                   circuit_breaker_options options) {
    auto own = checked(std::move(options));
    if (!own) return std::unexpected(std::move(own.error()));
    {
        const std::unique_lock hold(mutex_);
        overrides_.insert_or_assign(std::string(name), std::move(*own));
    }
    if (const auto existing = find(name)) apply(*existing);
    return {};
}

std::expected<void, std::vector<config_error>> circuit_breaker_registry::configure_shared(
    circuit_breaker_options options) {
    auto shared = checked(std::move(options));
    if (!shared) return std::unexpected(std::move(shared.error()));
    std::vector<std::shared_ptr<entry>> without_own;
    {
        const std::unique_lock hold(mutex_);
        shared_ = std::move(*shared);
        for (const auto& [name, e] : entries_)
            if (!overrides_.contains(name)) without_own.push_back(e);
    }
    for (const auto& e : without_own) apply(e->breaker);
    return {};
}

std::vector<std::shared_ptr<circuit_breaker>> circuit_breaker_registry::all() const {
    const std::shared_lock hold(mutex_);
    std::vector<std::shared_ptr<circuit_breaker>> out;
    out.reserve(entries_.size());
    for (const auto& [name, e] : entries_) out.emplace_back(e, &e->breaker);
    return out;
}

bool circuit_breaker_registry::remove(std::string_view name) {
    // Both die after the lock is released, the subscriptions first: they wait for a listener that runs, which may
    // be asking this registry.
    std::shared_ptr<entry> last_hold;
    std::map<std::uint64_t, subscription> ended;
    const std::unique_lock hold(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return false;
    last_hold = std::move(found->second);
    ended.swap(last_hold->observed);
    entries_.erase(found);
    return true;
}

subscription circuit_breaker_registry::subscribe(circuit_listener listener, event_mask kinds) {
    const auto o = std::make_shared<observer>(observer{std::move(listener), kinds});
    const std::unique_lock hold(mutex_);
    const std::uint64_t id = ++last_observer_;
    observers_.emplace(id, o);
    for (const auto& [name, e] : entries_) e->observe(id, o);
    return subscription{[this, id] { unsubscribe(id); }};
}

void circuit_breaker_registry::unsubscribe(std::uint64_t id) {
    // These die after the lock is released, as in remove(). A breaker that is removed meanwhile lives until its
    // subscription has ended.
    std::shared_ptr<observer> last_hold;
    std::vector<std::pair<std::shared_ptr<entry>, subscription>> ended;
    const std::unique_lock hold(mutex_);
    const auto found = observers_.find(id);
    if (found == observers_.end()) return;
    last_hold = std::move(found->second);
    observers_.erase(found);
    for (const auto& [name, e] : entries_)
        if (auto mine = e->observed.extract(id)) ended.emplace_back(e, std::move(mine.mapped()));
}

}  // namespace fusebox
