#include "config/substitution.hpp"

#include "config/document.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace fusebox::gateway::config {

namespace {

constexpr std::string_view how = "; write ${NAME} or ${NAME:-default}, or $$ for a plain $";

bool is_letter(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_part(char c) {
    return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

class replacer {
public:
    replacer(std::string_view text, const environment& variables) : rest_(text), variables_(variables) {}

    reading<substituted> all() {
        auto text = expand(false, true);
        if (!text) return std::unexpected{std::move(text).error()};
        found_.text = std::move(*text);
        return std::move(found_);
    }

private:
    // As far as the text goes, or, of a default, to the } that ends it. Of what is not `used` only the form counts.
    reading<std::string> expand(bool is_default, bool used) {
        std::string out;
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (is_default && c == '}') return out;
            if (is_default && c == '{')
                return wrong(
                    "a default with a { of its own is read differently by each shell; write the text into another "
                    "variable, and that one here");
            if (c != '$') {
                out += c;
                rest_.remove_prefix(1);
            } else if (rest_.starts_with("$$")) {
                const bool brace = rest_.starts_with("$${");  // which is then as plain as the $
                out += brace ? "${" : "$";
                rest_.remove_prefix(brace ? 3 : 2);
            } else if (rest_.starts_with("${")) {
                auto value = variable(used);
                if (!value) return value;
                out += *value;
            } else if (rest_.size() > 1 && (is_part(rest_[1]) || is_special(rest_[1]))) {
                return wrong(in_quotes(rest_.substr(0, 2)) + " begins a form of shells that is not read here" +
                             std::string{how});
            } else {
                out += c;
                rest_.remove_prefix(1);
            }
        }
        return is_default ? not_closed() : reading<std::string>{std::move(out)};
    }

    // What a shell, or Compose, would not leave as it is behind a $.
    static bool is_special(char c) { return std::string_view{"([{*@#?!-'\""}.find(c) != std::string_view::npos; }

    // ${NAME} or ${NAME:-default}, at the front of what is left.
    reading<std::string> variable(bool used) {
        const std::string_view inside = rest_.substr(2);
        const auto end = std::find_if_not(inside.begin(), inside.end(), is_part);
        const std::string name{inside.begin(), end};
        const std::string_view behind = inside.substr(name.size());
        if (inside.find('}') == std::string_view::npos) return not_closed();
        const bool has_default = behind.starts_with(":-");
        if (name.empty() || !is_letter(name.front()) || !(has_default || behind.starts_with('}')))
            return no_such_form(inside.substr(0, inside.find('}')));
        if (found_.variable.empty()) found_.variable = name;
        rest_ = behind;
        auto value = variables_(name);
        if (value && value->empty() && has_default) value.reset();
        if (has_default) {
            rest_.remove_prefix(2);
            auto otherwise = expand(true, used && !value);
            if (!otherwise) return otherwise;
            if (!value) value = std::move(*otherwise);
        } else if (!value && used) {
            return wrong("the environment variable " + name + " is not set; set it, or write a default: ${" + name +
                         ":-…}");
        }
        rest_.remove_prefix(1);  // the }
        if (used && value && value->ends_with('\n')) found_.ends_line = name;
        return std::move(value).value_or("");
    }

    static reading<std::string> wrong(std::string message) { return std::unexpected{std::move(message)}; }
    static reading<std::string> not_closed() {
        return wrong("a ${ is not closed; write ${NAME}, or $${ for the two characters");
    }
    static reading<std::string> no_such_form(std::string_view expression) {
        const auto end = std::find_if_not(expression.begin(), expression.end(), is_part);
        const std::string_view name{expression.begin(), end}, operation{end, expression.end()};
        constexpr std::string_view known[] = {"-", ":?", "?", ":+", "+", ":=", "=", ":", "#", "%", "/", "^", ",", "@"};
        const bool is_operation =
            !name.empty() && is_letter(name.front()) &&
            std::ranges::any_of(known, [&](std::string_view k) { return operation.starts_with(k); });
        if (is_operation)
            return wrong(in_quotes("${" + std::string{expression} + "}") +
                         " is a form of shells that is not read here; write ${NAME} or ${NAME:-default}");
        return wrong(in_quotes(expression) +
                     " is no name of a variable; write ${NAME} or ${NAME:-default}, with letters, digits and _");
    }

    std::string_view rest_;
    const environment& variables_;
    substituted found_;
};

}  // namespace

reading<substituted> substitute(std::string_view text, const environment& variables) {
    return replacer{text, variables}.all();
}

}  // namespace fusebox::gateway::config
