#include <chaos/tables.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace chaos {

namespace {

std::string plain(std::uint64_t n) {
    return std::to_string(n);
}

template <class Figures>
class table {
public:
    explicit table(const std::vector<column<Figures>>& columns) : columns_(columns) {
        line("", [](const auto& c) { return c.name; });
    }

    template <class Cell>
    table& row(const std::string& what, Cell cell) {
        line(what, [&](const auto& c) { return cell(c.figures); });
        return *this;
    }
    std::string text() const { return text_; }

private:
    template <class Cell>
    void line(const std::string& what, Cell cell) {
        text_ += fmt::format("  {:<34}", what);
        for (const auto& c : columns_)
            text_ += fmt::format("{:>{}}", cell(c), std::max<std::size_t>(c.name.size(), 8) + 3);
        text_ += '\n';
    }

    const std::vector<column<Figures>>& columns_;
    std::string text_;
};

}  // namespace

std::string table_of(const std::vector<column<cascade_figures>>& columns) {
    using f = cascade_figures;
    return table{columns}
        .row("callers", [](const f& x) { return plain(x.callers); })
        .row("most blocked at once", [](const f& x) { return plain(x.most_blocked); })
        .row("blocked as the outage ends", [](const f& x) { return plain(x.blocked_at_the_end); })
        .row("calls to the service", [](const f& x) { return plain(x.service_calls); })
        .row("answered", [](const f& x) { return plain(x.answered); })
        .row("failed fast", [](const f& x) { return plain(x.failed_fast); })
        .row("failed after waiting", [](const f& x) { return plain(x.failed_slowly); })
        .row("time to recover",
             [](const f& x) {
                 return fmt::format("{:.1f} s", std::chrono::duration<double>(x.time_to_recover).count());
             })
        .text();
}

std::string table_of(const std::vector<column<storm_figures>>& columns) {
    using f = storm_figures;
    return table{columns}
        .row("callers", [](const f& x) { return plain(x.callers); })
        .row("calls to the service", [](const f& x) { return plain(x.service_calls); })
        .row("amplification", [](const f& x) { return fmt::format("{:.2f} x", x.amplification()); })
        .row("retries, of all tiers", [](const f& x) { return plain(x.retries); })
        .row("refused by the budget", [](const f& x) { return plain(x.refused_by_budget); })
        .row("refused by breakers", [](const f& x) { return plain(x.refused_by_breakers); })
        .text();
}

}  // namespace chaos
