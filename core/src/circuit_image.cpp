// The text form of circuit_image: "fusebox-circuit/1 key=value …", all keys required, in any order.
#include <fusebox/circuit_snapshot.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace fusebox {

namespace {

constexpr std::string_view header = "fusebox-circuit/1";

constexpr std::array all_states{circuit_state::closed,   circuit_state::open,        circuit_state::half_open,
                                circuit_state::disabled, circuit_state::forced_open, circuit_state::metrics_only};

// The totals in the order in which they are written.
template <class Totals>
auto fields_of(Totals& t) {
    return std::array{&t.successes,        &t.failures,        &t.ignored,          &t.abandoned, &t.slow_calls,
                      &t.rejected,         &t.late_results,    &t.trials_reclaimed, &t.openings,  &t.would_reject,
                      &t.virtual_openings, &t.listener_errors, &t.dropped_events};
}

// Takes "key=value" words apart and remembers the first fault.
class reader {
public:
    explicit reader(std::string_view text) {
        while (!text.empty()) {
            const auto end = std::min(text.find(' '), text.size());
            const std::string_view word = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            const auto equals = word.find('=');
            if (equals == std::string_view::npos) fault("'" + std::string(word) + "' is not key=value");
            else if (!values_.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
                fault("'" + std::string(word.substr(0, equals)) + "' occurs twice");
        }
    }

    std::string_view take(std::string_view key) {
        const auto found = values_.find(key);
        if (found == values_.end()) {
            fault("'" + std::string(key) + "' is missing");
            return {};
        }
        const auto value = found->second;
        values_.erase(found);
        return value;
    }

    template <class Integer>
    Integer number(std::string_view text, std::string_view key) {
        Integer value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value < Integer{})
            fault(std::string(key) + "='" + std::string(text) + "' is not a whole number within range");
        return value;
    }
    template <class Integer>
    void read(std::string_view key, Integer& into) {
        into = number<Integer>(take(key), key);
    }
    void read(std::string_view key, duration& into) { into = duration{number<std::int64_t>(take(key), key)}; }
    void read(std::string_view key, circuit_state& into) {
        const std::string_view name = take(key);
        for (const circuit_state s : all_states)
            if (name == to_string(s)) {
                into = s;
                return;
            }
        fault(std::string(key) + "='" + std::string(name) + "' is not a state");
    }

    // Calls visit(part) for each part of `list` between separators.
    template <class Visit>
    static void split(std::string_view list, char separator, Visit visit) {
        while (!list.empty()) {
            const auto end = std::min(list.find(separator), list.size());
            visit(list.substr(0, end));
            list.remove_prefix(std::min(end + 1, list.size()));
        }
    }

    void fault(std::string what) {
        if (fault_.empty()) fault_ = std::move(what);
    }
    std::string finish() {
        if (!values_.empty()) fault("'" + std::string(values_.begin()->first) + "' is unknown");
        return fault_;
    }

private:
    std::map<std::string_view, std::string_view> values_;
    std::string fault_;
};

void read_window(reader& in, std::vector<circuit_image::verdicts>& window) {
    const std::string_view text = in.take("window");
    const auto parts = static_cast<std::size_t>(std::count(text.begin(), text.end(), ',')) + 1;
    if (parts > circuit_image::most_buckets)
        return in.fault("window has " + std::to_string(parts) + " parts, must be at most " +
                        std::to_string(circuit_image::most_buckets));
    reader::split(text, ',', [&](std::string_view bucket) {
        std::array<std::int64_t, 4> part{};
        std::size_t n = 0;
        reader::split(bucket, ':', [&](std::string_view field) {
            if (n < part.size()) part[n] = in.number<std::int64_t>(field, "window");
            ++n;
        });
        constexpr std::int64_t most = UINT32_MAX;
        if (n != part.size() || part[1] > most || part[2] > most || part[3] > part[1] + part[2])
            return in.fault("window has '" + std::string(bucket) + "', wanted age:successes:failures:slow");
        window.push_back({duration{part[0]}, static_cast<std::uint32_t>(part[1]), static_cast<std::uint32_t>(part[2]),
                          static_cast<std::uint32_t>(part[3])});
    });
}

bool is_possible(circuit_state state, circuit_state behind) {
    const bool automatic = static_cast<unsigned>(behind) <= static_cast<unsigned>(circuit_state::half_open);
    const bool known = static_cast<unsigned>(state) < all_states.size();
    return state == circuit_state::metrics_only ? automatic : known && state == behind;
}

bool is_possible(const circuit_image::verdicts& v) {
    return v.age >= duration{0} && v.age <= circuit_image::greatest_age &&
           v.slow_calls <= std::uint64_t{v.successes} + v.failures;
}

}  // namespace

std::string circuit_image::fault() const {
    if (!is_possible(state, virtual_state)) return "state and virtual_state do not go together";
    if (generation >= last_generation)
        return "generation=" + std::to_string(generation) + " must be below " + std::to_string(last_generation);
    for (const auto& [key, n] : {std::pair{"consecutive_failures", consecutive_failures},
                                 std::pair{"reopenings", reopenings}, std::pair{"lease_doublings", lease_doublings}})
        if (n > most_in_a_row)
            return std::string(key) + "=" + std::to_string(n) + " must be at most " + std::to_string(most_in_a_row);
    if (open_remaining < duration{0}) return "open_remaining must be at least 0";
    for (const auto* total : fields_of(totals))
        if (*total > most_calls)
            return "totals has " + std::to_string(*total) + ", must be at most " + std::to_string(most_calls);
    if (window.size() > most_buckets)
        return "window has " + std::to_string(window.size()) + " parts, must be at most " +
               std::to_string(most_buckets);
    const auto bad = std::find_if(window.begin(), window.end(), [](const verdicts& v) { return !is_possible(v); });
    if (bad != window.end())
        return "window has a part of age " + std::to_string(bad->age.count()) + " ns with " +
               std::to_string(bad->slow_calls) +
               " slow calls: must be between 0 and 3600 days old, and have no more "
               "slow calls than calls";
    return {};
}

std::string circuit_image::to_text() const {
    std::string out{header};
    const auto put = [&](std::string_view key, auto value) {
        out += ' ';
        out += key;
        out += '=';
        if constexpr (std::is_convertible_v<decltype(value), std::string_view>) out += value;
        else out += std::to_string(value);
    };
    put("state", to_string(state));
    put("virtual_state", to_string(virtual_state));
    put("generation", generation);
    put("consecutive_failures", consecutive_failures);
    put("reopenings", reopenings);
    put("lease_doublings", lease_doublings);
    put("open_remaining", open_remaining.count());
    std::string list;
    for (const auto* field : fields_of(totals)) list += (list.empty() ? "" : ",") + std::to_string(*field);
    put("totals", std::string_view{list});
    list.clear();
    for (const auto& v : window)
        list += (list.empty() ? "" : ",") + std::to_string(v.age.count()) + ':' + std::to_string(v.successes) + ':' +
                std::to_string(v.failures) + ':' + std::to_string(v.slow_calls);
    put("window", std::string_view{list});
    return out;
}

std::expected<circuit_image, std::string> circuit_image::from_text(std::string_view text) {
    if (!text.starts_with(header) || (text.size() > header.size() && text[header.size()] != ' '))
        return std::unexpected("not a circuit image of this version: must begin with '" + std::string(header) + "'");
    text.remove_prefix(std::min(header.size() + 1, text.size()));
    reader in{text};
    circuit_image image;
    in.read("state", image.state);
    in.read("virtual_state", image.virtual_state);
    in.read("generation", image.generation);
    in.read("consecutive_failures", image.consecutive_failures);
    in.read("reopenings", image.reopenings);
    in.read("lease_doublings", image.lease_doublings);
    in.read("open_remaining", image.open_remaining);
    const auto fields = fields_of(image.totals);
    std::size_t n = 0;
    reader::split(in.take("totals"), ',', [&](std::string_view field) {
        if (n < fields.size()) *fields[n] = in.number<std::uint64_t>(field, "totals");
        ++n;
    });
    if (n != fields.size())
        in.fault("totals has " + std::to_string(n) + " numbers, wanted " + std::to_string(fields.size()));
    read_window(in, image.window);
    if (std::string impossible = image.fault(); !impossible.empty()) in.fault(std::move(impossible));
    if (std::string fault = in.finish(); !fault.empty()) return std::unexpected("circuit image: " + fault);
    return image;
}

}  // namespace fusebox
