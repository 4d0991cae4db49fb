#include "config/near_miss.hpp"

#include <algorithm>
#include <vector>

namespace fusebox::gateway::config {

unsigned edit_distance(std::string_view a, std::string_view b) {
    std::vector<unsigned> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = unsigned(j);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = unsigned(i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + unsigned(a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

std::string suggestion(std::string_view written, std::span<const std::string> known) {
    if (known.empty()) return {};
    constexpr std::size_t longest = 64;  // nobody meant more; and the work grows with the square
    if (written.size() <= longest) {
        const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
            return edit_distance(written, a) < edit_distance(written, b);
        });
        const auto tolerated = std::max<std::size_t>(1, std::max(written.size(), nearest->size()) / 3);
        if (edit_distance(written, *nearest) <= tolerated) return "; did you mean \"" + *nearest + "\"?";
    }
    std::string all = "; there are: ";
    for (const auto& k : known) all += (&k == &known.front() ? "" : ", ") + k;
    return all;
}

}  // namespace fusebox::gateway::config
