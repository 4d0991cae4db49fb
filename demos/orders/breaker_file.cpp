#include <orders/breaker_settings.hpp>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace orders {

namespace {

struct refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class reader {
public:
    explicit reader(std::string file) : file_(std::move(file)) {}

    std::map<std::string, circuit_setting, std::less<>> read(const YAML::Node& root, const circuit_setting& usual) {
        std::map<std::string, circuit_setting, std::less<>> all;
        if (!root.IsMap()) refuse(root, "must be a table of services, as in: product: {threshold: 3, timeout: 30}");
        for (const auto& entry : root) {
            const std::string service = text(entry.first);
            if (std::ranges::find(all_services, service) == all_services.end())
                refuse(entry.first,
                       fmt::format("there is no service '{}'; there are {}", service, fmt::join(all_services, ", ")));
            if (!all.emplace(service, read_one(service, entry.second, usual)).second)
                refuse(entry.first, fmt::format("{} is there twice", service));
        }
        return all;
    }

private:
    circuit_setting read_one(const std::string& service, const YAML::Node& table, circuit_setting s) {
        if (!table.IsMap()) refuse(table, service + " must be a table with threshold, timeout, or count_http_5xx");
        std::set<std::string> seen;
        for (const auto& entry : table) {
            const std::string option = text(entry.first);
            const std::string name = fmt::format("{}.{}", service, option);
            if (!seen.insert(option).second) refuse(entry.first, name + " is there twice");
            if (option == "threshold") s.threshold = threshold(entry.second, name);
            else if (option == "timeout") s.cooldown = seconds(entry.second, name);
            else if (option == "count_http_5xx") s.count_http_5xx = truth(entry.second, name);
            else
                refuse(entry.first, fmt::format("there is no option '{}'; there are threshold, timeout and "
                                                "count_http_5xx",
                                                name));
        }
        return s;
    }

    std::uint32_t threshold(const YAML::Node& node, const std::string& name) {
        std::uint32_t n = 0;
        if (!node.IsScalar() || !YAML::convert<std::uint32_t>::decode(node, n) || n < 1 || n > highest_threshold)
            refuse(node, fmt::format("{} must be a whole number from 1 to {}", name, highest_threshold));
        return n;
    }

    fusebox::duration seconds(const YAML::Node& node, const std::string& name) {
        double s = 0;
        if (!node.IsScalar() || !YAML::convert<double>::decode(node, s) ||
            !(s >= shortest_cooldown && s <= longest_cooldown))
            refuse(node, fmt::format("{} must be a number of seconds from {:g} to {:g}", name, shortest_cooldown,
                                     longest_cooldown));
        return std::chrono::round<fusebox::duration>(std::chrono::duration<double>{s});
    }

    bool truth(const YAML::Node& node, const std::string& name) {
        const std::string said = node.IsScalar() ? node.Scalar() : "";
        if (said != "true" && said != "false") refuse(node, name + " must be true or false");
        return said == "true";
    }

    std::string text(const YAML::Node& node) {
        if (!node.IsScalar()) refuse(node, "a name must be a word");
        return node.Scalar();
    }

    [[noreturn]] void refuse(const YAML::Node& at, const std::string& sentence) {
        throw refused(fmt::format("{}:{}: {}", file_, at.Mark().line + 1, sentence));
    }

    const std::string file_;
};

}  // namespace

std::expected<std::map<std::string, circuit_setting, std::less<>>, std::string> read_breaker_file(
    const std::string& text, const std::string& name, const circuit_setting& usual) {
    try {
        return reader{name}.read(YAML::Load(text), usual);
    } catch (const YAML::Exception& e) {
        return std::unexpected(fmt::format("{}:{}: {}", name, e.mark.line + 1, e.msg));
    } catch (const refused& e) {
        return std::unexpected(std::string(e.what()));
    }
}

}  // namespace orders
