// One policy for each key (an endpoint, a header's value, a user), made when first asked for, and a bound
// on how many there are.
//
//   fusebox::keyed<fusebox::token_bucket> per_user{
//       [](std::string_view) { return std::make_shared<fusebox::token_bucket>(options); }, {.capacity = 10'000}};
//   per_user.get(user)->enter(now);
//
// Keys that strangers choose must not fill the memory: beyond `capacity` the key that was not asked for
// the longest is forgotten, and its policy starts anew when it comes back. A policy that somebody else
// still holds is never forgotten, so that one key never has two policies in use; the number of keys can
// exceed the capacity by those. The keys' own length is for the caller to bound.
//
// Thread-safety: all members may be called from any thread. Keys are spread over shards with a lock each,
// one for every 64 keys of capacity and 64 at most; the order of use is exact within a shard. No lock is
// held while the factory, a policy's destructor or a visitor runs. get() of a known key allocates nothing.
#pragma once

#include <fusebox/circuit_breaker_options.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fusebox {

struct keyed_options {
    std::uint32_t capacity = 10'000;  // keys, 1 to 10 000 000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const keyed_options&, const keyed_options&) = default;
};

struct keyed_snapshot {
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::uint64_t evictions = 0;  // in total
};

template <class Policy>
class keyed {
public:
    // Makes the policy of a key. May be called for a key by two threads at once; one result is then dropped.
    using factory = std::function<std::shared_ptr<Policy>(std::string_view key)>;

    // Throws configuration_error when the options cannot be meant.
    explicit keyed(factory make, keyed_options options = {})
        : make_(std::move(make)),
          capacity_(checked(options).capacity),
          shards_(std::bit_floor(std::clamp<std::size_t>(capacity_ / 64, 1, 64))) {}
    keyed(const keyed&) = delete;
    keyed& operator=(const keyed&) = delete;

    // The policy of `key`, made now if need be. Never null. Throws what the factory throws, and
    // std::logic_error when that returns null.
    std::shared_ptr<Policy> get(std::string_view key) {
        shard& s = shard_of(key);
        {
            const std::scoped_lock hold(s.mutex);
            if (auto known = s.touch(key)) return known;
        }
        auto made = make_(key);
        if (!made)
            throw std::logic_error("keyed: the factory returned null for '" + std::string(key) +
                                   "'; it must make a policy");
        const auto kept = insert(s, key, std::move(made));
        for (std::size_t i = 0; size_.load(std::memory_order_relaxed) > capacity_ && i < shards_.size(); ++i)
            shrink(shards_[(index_of(s) + i) % shards_.size()]);
        return kept;
    }

    // Calls visit(key, policy) for all keys there are, in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        std::vector<entry> copy;
        for (const shard& s : shards_) {
            {
                const std::scoped_lock hold(s.mutex);
                copy.assign(s.recent.begin(), s.recent.end());
            }
            for (const entry& e : copy) visit(std::string_view{e.key}, e.policy);
            copy.clear();
        }
    }

    keyed_snapshot snapshot() const noexcept {
        return {.size = size_.load(std::memory_order_relaxed),
                .capacity = capacity_,
                .evictions = evictions_.load(std::memory_order_relaxed)};
    }

private:
    struct entry {
        std::string key;
        std::shared_ptr<Policy> policy;
    };
    using entries = std::list<entry>;

    // Policies by key, those asked for last in front.
    struct alignas(64) shard {
        mutable std::mutex mutex;
        entries recent;
        std::unordered_map<std::string_view, typename entries::iterator> by_key;  // the keys are in the entries

        std::shared_ptr<Policy> touch(std::string_view key) {
            const auto found = by_key.find(key);
            if (found == by_key.end()) return nullptr;
            recent.splice(recent.begin(), recent, found->second);
            return found->second->policy;
        }
    };

    static keyed_options checked(keyed_options options) {
        if (auto errors = options.validate(); !errors.empty())
            throw configuration_error("keyed policies", std::move(errors));
        return options;
    }
    shard& shard_of(std::string_view key) noexcept {
        // Other bits than those by which the shard's own table spreads its keys.
        const std::uint64_t spread = std::hash<std::string_view>{}(key) * 0x9e3779b97f4a7c15u;
        return shards_[(spread >> 32) % shards_.size()];
    }
    std::size_t index_of(const shard& s) const noexcept { return static_cast<std::size_t>(&s - shards_.data()); }

    // Keeps `made` unless another thread was faster, and returns the one that is kept.
    std::shared_ptr<Policy> insert(shard& s, std::string_view key, std::shared_ptr<Policy> made) {
        entries fresh;
        fresh.push_front({std::string(key), made});
        const std::scoped_lock hold(s.mutex);
        if (auto known = s.touch(key)) return known;
        s.by_key.emplace(fresh.front().key, fresh.begin());
        s.recent.splice(s.recent.begin(), fresh);
        size_.fetch_add(1, std::memory_order_relaxed);
        return made;
    }

    // Forgets those not asked for the longest until the bound is kept. Those in use are moved to the front,
    // and only a few looked at in one go, so that many of them do not make every new key slow.
    void shrink(shard& s) {
        entries forgotten;  // destroyed after the lock is released
        const std::scoped_lock hold(s.mutex);
        std::size_t looks = std::min<std::size_t>(16, s.recent.size());
        for (; looks > 0 && size_.load(std::memory_order_relaxed) > capacity_; --looks) {
            const auto oldest = std::prev(s.recent.end());
            // The only reference is ours: it can come to others under the lock only.
            if (oldest->policy.use_count() > 1) {
                s.recent.splice(s.recent.begin(), s.recent, oldest);
                continue;
            }
            s.by_key.erase(oldest->key);
            forgotten.splice(forgotten.end(), s.recent, oldest);
            size_.fetch_sub(1, std::memory_order_relaxed);
            evictions_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    const factory make_;
    const std::size_t capacity_;
    std::vector<shard> shards_;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::uint64_t> evictions_{0};
};

}  // namespace fusebox
