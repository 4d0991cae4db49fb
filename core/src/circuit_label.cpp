#include <fusebox/error.hpp>

#include <deque>
#include <map>
#include <mutex>

namespace fusebox {

namespace {

// Never destroyed: a refusal may be put into words while the process ends.
struct label_table {
    std::mutex mutex;
    std::deque<std::string> names;  // label n is names[n - 1]; elements never move
    std::map<std::string_view, std::uint32_t> numbers;
};
label_table& labels() {
    static auto& table = *new label_table;
    return table;
}

constexpr std::size_t most_labels = 65'535;

}  // namespace

circuit_label::circuit_label(std::string_view name) {
    label_table& t = labels();
    const std::scoped_lock hold(t.mutex);
    if (const auto known = t.numbers.find(name); known != t.numbers.end()) {
        number_ = known->second;
    } else if (t.names.size() < most_labels) {
        const std::string& kept = t.names.emplace_back(name);
        number_ = static_cast<std::uint32_t>(t.names.size());
        t.numbers.emplace(kept, number_);
    }
}

std::string_view circuit_label::name() const {
    if (number_ == 0) return {};
    label_table& t = labels();
    const std::scoped_lock hold(t.mutex);
    return t.names[number_ - 1];
}

}  // namespace fusebox
