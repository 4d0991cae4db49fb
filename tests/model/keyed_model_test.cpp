// Random uses of keyed policies against a plain list, the key asked for last in front.
#include <fusebox/keyed.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace fusebox;

struct policy {
    int key;
};

const bool parameters_set = setenv("RC_PARAMS", "max_success=2000 max_size=150 seed=1", 0) == 0;

// Each number asks for a key; every fifth also holds on to what it gets, or lets go of it.
RC_GTEST_PROP(keyed, forgets_what_a_plain_list_forgets, (const std::vector<unsigned>& history)) {
    RC_ASSERT(parameters_set);
    const std::size_t capacity = *rc::gen::inRange(1u, 7u);
    int made = 0;
    keyed<policy> real{[&](std::string_view) { return std::make_shared<policy>(made++); },
                       {.capacity = static_cast<std::uint32_t>(capacity)}};
    std::list<std::string> wanted;
    std::map<std::string, std::shared_ptr<policy>> held;
    std::uint64_t evictions = 0;
    int wanted_made = 0;
    for (const unsigned n : history) {
        const std::string key = std::to_string(n / 5 % 9);
        auto got = real.get(key);
        const auto known = std::ranges::find(wanted, key);
        if (known != wanted.end()) {
            wanted.splice(wanted.begin(), wanted, known);
            if (held.contains(key)) RC_ASSERT(held[key] == got);
        } else {
            wanted.push_front(key);
            ++wanted_made;
            for (std::size_t looks = wanted.size(); wanted.size() > capacity && looks > 0; --looks) {
                const std::string oldest = wanted.back();
                wanted.pop_back();
                if (oldest == key || held.contains(oldest)) wanted.push_front(oldest);
                else ++evictions;
            }
            RC_ASSERT(real.snapshot().size <= std::max(capacity, held.size() + 1));
        }
        if (n % 5 == 0 && held.erase(key) == 0) held[key] = got;
        got.reset();

        std::vector<std::string> keys;
        real.for_each([&](std::string_view k, const auto&) { keys.emplace_back(k); });
        RC_ASSERT(keys == std::vector<std::string>(wanted.begin(), wanted.end()));
        RC_ASSERT(real.snapshot().size == wanted.size());
        RC_ASSERT(real.snapshot().evictions == evictions);
        RC_ASSERT(made == wanted_made);
    }
}

}  // namespace
