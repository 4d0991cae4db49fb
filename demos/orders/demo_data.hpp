// What the shop starts with: two customers with their tokens, and three products. README.md and the page name them.
#pragma once

#include <array>
#include <cstdint>

namespace orders::demo_data {

struct customer {
    std::int64_t id;
    const char* name;
    const char* email;
    const char* token;
};
inline constexpr std::array<customer, 2> customers{{
    {1, "Mai Nguyen", "mai@example.com", "mai-token"},
    {2, "Ana Souza", "ana@example.com", "ana-token"},
}};

struct product {
    std::int64_t id;
    const char* name;
    std::int64_t stock;
};
inline constexpr std::array<product, 3> products{{
    {1, "Ballpoint pen", 100'000},
    {2, "Notebook", 500},
    {3, "Fountain pen", 3},
}};

}  // namespace orders::demo_data
