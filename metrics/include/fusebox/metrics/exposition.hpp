// Metrics as Prometheus reads them: text format 0.0.4, family by family.
//
// Thread-safety: none; a value.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace fusebox::metrics {

class exposition {
public:
    // Begins a family; its samples follow.
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
        text_.append(name).append(" ").append(type).append("\n");
    }

    using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    void sample(labels of, std::uint64_t value) { part({}, of, text(value)); }
    void sample(labels of, bool value) { sample(of, std::uint64_t{value}); }
    void sample(labels of, double value) { part({}, of, text(value)); }
    // A sample of a histogram, with `suffix` behind the family's name.
    void part(std::string_view suffix, labels of, std::string_view value) {
        text_.append(name_).append(suffix);
        char before = '{';
        for (const auto& [label, is] : of) {
            text_ += before;
            text_.append(label).append("=\"");
            add_escaped(is);
            text_ += '"';
            before = ',';
        }
        text_.append(of.size() == 0 ? " " : "} ").append(value).append("\n");
    }

    template <class Number>
    static std::string text(Number value) {
        char digits[40];
        return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
    }

    std::string take() { return std::move(text_); }

private:
    void add_escaped(std::string_view value) {
        for (const char c : value) {
            if (c == '\n') text_ += "\\n";
            else if (c == '"' || c == '\\') text_ += '\\', text_ += c;
            else text_ += c;
        }
    }

    std::string text_;
    std::string name_;
};

}  // namespace fusebox::metrics
