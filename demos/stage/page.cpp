#include <stage/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>

namespace stage {

namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1d2430; --page: #f4f6f9; --card: #fff; --line: #d9dfe8; --button: #2457c5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf3; --page: #12161d; --card: #1b212b; --line: #323b4a; --button: #7aa5ff; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.2; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.1rem; }
a { color: var(--button); }
.status { padding: 1.1rem 1.25rem; border-radius: 10px; }
.status p { margin: .2rem 0; font-variant-numeric: tabular-nums; }
.status .state { margin: 0; font-size: 1.35rem; line-height: 1.3; }
.state strong { font-weight: 400; }
.status .meaning { margin-bottom: .8rem; }
.closed, .success { background-color: #d4edda; color: #155724; }
.open, .error { background-color: #f8d7da; color: #721c24; }
.half-open { background-color: #fff3cd; color: #856404; }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; margin: 1.25rem 0 0; }
button, .button { padding: .6rem 1.1rem; border: 1px solid var(--button); border-radius: 8px; background: transparent; color: var(--button); font: inherit; font-weight: 600; cursor: pointer; text-decoration: none; }
.first button, .button.first { background: var(--button); color: var(--card); }
button:hover, .button:hover { filter: brightness(.85); }
button:focus-visible, .button:focus-visible { outline: 3px solid var(--button); outline-offset: 2px; }
select, input { padding: .55rem .7rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: inherit; font: inherit; }
section { margin-top: 1.25rem; padding: 1rem 1.25rem; border-radius: 10px; overflow-wrap: anywhere; }
pre { margin: .75rem 0 0; padding: .9rem 1rem; border-radius: 8px; background: #f8f9fa; color: #1d2430; font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; white-space: pre-wrap; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; text-align: left; border-bottom: 1px solid var(--line); }
)";

constexpr in_each_language<const char*> codes{"en", "fr", "es", "pt", "vi"};

// The page's own style and script may run, and nothing else: each page has its own password for them.
std::string nonce() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string_view without_blanks(std::string_view text) {
    const auto first = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool is_tag(std::string_view range, std::string_view tag) {
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    const auto primary = range.substr(0, range.find('-'));
    return std::equal(primary.begin(), primary.end(), tag.begin(), tag.end(), same);
}

std::string button(const char* method, std::string_view path, std::string_view label) {
    return fmt::format("<form method=\"{}\" action=\"{}\"><button>{}</button></form>\n", method, escape_html(path),
                       escape_html(label));
}

}  // namespace

language preferred_language(std::string_view accept_language) {
    in_each_language<double> wish{};
    while (!accept_language.empty()) {
        const auto comma = std::min(accept_language.find(','), accept_language.size());
        const std::string_view item = accept_language.substr(0, comma);
        accept_language.remove_prefix(std::min(comma + 1, accept_language.size()));

        double weight = 1;
        if (const auto q = item.find("q="); q != item.npos)
            std::from_chars(item.data() + q + 2, item.data() + item.size(), weight);
        const std::string_view range = without_blanks(item.substr(0, item.find(';')));
        for (std::size_t i = 0; i < codes.size(); ++i)
            if (is_tag(range, codes[i])) wish[i] = std::max(wish[i], weight);
        if (range == "*") wish[0] = std::max(wish[0], weight);
    }
    return static_cast<language>(std::ranges::max_element(wish) - wish.begin());  // the first of equals
}

const char* code_of(language which) {
    return in(which, codes);
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            case '\'': escaped += "&#39;"; break;
            default: escaped += c;
        }
    }
    return escaped;
}

std::string get_button(std::string_view path, std::string_view label) {
    return button("get", path, label);
}

std::string post_button(std::string_view path, std::string_view label) {
    return button("post", path, label);
}

const char* css_class(fusebox::circuit_state state) {
    switch (state) {
        case fusebox::circuit_state::closed: return "closed";
        case fusebox::circuit_state::half_open: return "half-open";
        default: return "open";
    }
}

fusebox::http::response to_response(const page& shown) {
    const std::string password = nonce();
    const std::string refresh =
        shown.refresh_seconds > 0 ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", shown.refresh_seconds)
                                  : "";
    const std::string script =
        shown.script.empty() ? "" : fmt::format("<script nonce=\"{}\">{}</script>\n", password, shown.script);
    fusebox::http::response answer{200};
    answer.body = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{}"
        "<link rel=\"icon\" href=\"data:,\">\n<style nonce=\"{}\">{}</style>\n</head>\n<body>\n<main>\n"
        "<h1>{}</h1>\n{}</main>\n{}</body>\n</html>\n",
        code_of(shown.in), escape_html(shown.title), refresh, password, style, escape_html(shown.heading),
        shown.content, script);
    const std::string scripts = shown.script.empty() ? "" : " script-src 'nonce-" + password + "'; connect-src 'self';";
    answer.fields = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Cache-Control", "no-store"},
        {"Content-Language", code_of(shown.in)},
        {"Content-Security-Policy", "default-src 'none'; style-src 'nonce-" + password + "';" + scripts +
                                        " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
        {"Referrer-Policy", "no-referrer"},
        {"Vary", "Accept-Language"},
        {"X-Content-Type-Options", "nosniff"},
    };
    return answer;
}

}  // namespace stage
