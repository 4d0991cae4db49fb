#include <health-check/dashboard_page.hpp>

#include <health-check/transition_line.hpp>

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>

namespace health_check {

namespace {

struct labels {
    const char* code;
    const char* state;
    const char* when_closed;
    const char* when_open;
    const char* when_half_open;
    const char* failures;
    const char* updated;
    const char* next_trial;
    const char* in_seconds;
    const char* with_next_call;
    const char* test_api;
    const char* check_health;
    const char* refresh;
    const char* back;
    const char* error;
    const char* success;
};

constexpr labels english{
    .code = "en",
    .state = "Circuit Breaker State:",
    .when_closed = "Calls go through.",
    .when_open = "Calls are refused at once, and the gateway is left alone.",
    .when_half_open = "One trial call is under way; it decides.",
    .failures = "Consecutive failures:",
    .updated = "Last update:",
    .next_trial = "Next trial call:",
    .in_seconds = "in {} s",
    .with_next_call = "with the next request",
    .test_api = "Test API",
    .check_health = "Check health",
    .refresh = "Refresh",
    .back = "Back",
    .error = "Error:",
    .success = "Success! Data received:",
};

constexpr labels french{
    .code = "fr",
    .state = "Circuit Breaker État:",
    .when_closed = "Les appels passent.",
    .when_open = "Les appels sont refusés aussitôt, et la passerelle reste en paix.",
    .when_half_open = "Un appel d’essai est en cours ; il décidera.",
    .failures = "Échecs consécutifs:",
    .updated = "Dernière mise à jour:",
    .next_trial = "Prochain appel d’essai:",
    .in_seconds = "dans {} s",
    .with_next_call = "à la prochaine requête",
    .test_api = "Tester API",
    .check_health = "Vérifier Santé",
    .refresh = "Actualiser",
    .back = "Retour",
    .error = "Erreur:",
    .success = "Succès! Données reçues:",
};

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1d2430; --page: #f4f6f9; --card: #fff; --line: #d9dfe8; --button: #2457c5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf3; --page: #12161d; --card: #1b212b; --line: #323b4a; --button: #7aa5ff; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.2; }
.status { padding: 1.1rem 1.25rem; border-radius: 10px; }
.status p { margin: .2rem 0; font-variant-numeric: tabular-nums; }
.status .state { margin: 0; font-size: 1.35rem; line-height: 1.3; }
.state strong { font-weight: 400; }
.status .meaning { margin-bottom: .8rem; }
.closed, .success { background-color: #d4edda; color: #155724; }
.open, .error { background-color: #f8d7da; color: #721c24; }
.half-open { background-color: #fff3cd; color: #856404; }
nav { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.25rem 0 0; }
button { padding: .6rem 1.1rem; border: 1px solid var(--button); border-radius: 8px; background: transparent; color: var(--button); font: inherit; font-weight: 600; cursor: pointer; }
form[action="/test-api"] button { background: var(--button); color: var(--card); }
button:hover { filter: brightness(.85); }
button:focus-visible { outline: 3px solid var(--button); outline-offset: 2px; }
section { margin-top: 1.25rem; padding: 1rem 1.25rem; border-radius: 10px; overflow-wrap: anywhere; }
pre { margin: .75rem 0 0; padding: .9rem 1rem; border-radius: 8px; background: #f8f9fa; color: #1d2430; font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; white-space: pre-wrap; }
)";

// The page's style may run, and nothing else: each page has its own password for it.
std::string nonce() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

struct appearance {
    const char* css_class;
    const char* meaning;
};

appearance of(fusebox::circuit_state state, const labels& say) {
    switch (state) {
        case fusebox::circuit_state::closed: return {"closed", say.when_closed};
        case fusebox::circuit_state::half_open: return {"half-open", say.when_half_open};
        default: return {"open", say.when_open};
    }
}

// A button that works without JavaScript is a form.
std::string button(const char* path, const char* label) {
    return fmt::format("<form action=\"{}\"><button>{}</button></form>\n", path, label);
}

std::string next_trial(const fusebox::circuit_snapshot& circuit, const labels& say) {
    if (circuit.state != fusebox::circuit_state::open) return "";
    const std::string when =
        circuit.retry_after > fusebox::duration{0}
            ? fmt::format(fmt::runtime(say.in_seconds), fusebox::ceil_seconds(circuit.retry_after).count())
            : say.with_next_call;
    return fmt::format("<p><strong>{}</strong> {}</p>\n", say.next_trial, when);
}

std::string status_panel(const dashboard_view& view, const labels& say) {
    const auto [css_class, meaning] = of(view.circuit.state, say);
    return fmt::format(
        "<div class=\"status {}\" role=\"status\">\n"
        "<p class=\"state\"><strong>{}</strong> <b>{}</b></p>\n<p class=\"meaning\">{}</p>\n"
        "<p><strong>{}</strong> {}/{}</p>\n{}"
        "<p><strong>{}</strong> {:%Y-%m-%d %H:%M:%S}</p>\n</div>\n",
        css_class, say.state, shouted(to_string(view.circuit.state)), meaning, say.failures,
        view.circuit.consecutive_failures, view.failure_threshold, next_trial(view.circuit, say), say.updated,
        fmt::localtime(std::time(nullptr)));
}

std::string outcome_panel(const call_outcome& outcome, const labels& say) {
    if (outcome.error)
        return fmt::format("<section class=\"error\" role=\"alert\"><strong>{}</strong> {}</section>\n", say.error,
                           escape_html(*outcome.error));
    if (outcome.data)
        return fmt::format("<section class=\"success\"><strong>{}</strong>\n<pre>{}</pre></section>\n", say.success,
                           escape_html(*outcome.data));
    return "";
}

std::string buttons(page_kind kind, const labels& say) {
    const std::string calls = button("/test-api", say.test_api) + button("/health-status", say.check_health);
    return kind == page_kind::overview ? calls + button("/", say.refresh) : button("/", say.back) + calls;
}

}  // namespace

fusebox::http::response dashboard_page(const dashboard_view& view, language in) {
    const labels& say = in == language::french ? french : english;
    const std::string password = nonce();
    const char* refresh = view.kind == page_kind::overview ? "<meta http-equiv=\"refresh\" content=\"5\">\n" : "";
    fusebox::http::response page{200};
    page.body = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<title>Circuit Breaker Dashboard</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{}"
        "<link rel=\"icon\" href=\"data:,\">\n<style nonce=\"{}\">{}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Microservices Dashboard</h1>\n{}<nav>\n{}</nav>\n{}</main>\n</body>\n</html>\n",
        say.code, refresh, password, style, status_panel(view, say), buttons(view.kind, say),
        outcome_panel(view.outcome, say));
    page.fields = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Cache-Control", "no-store"},
        {"Content-Language", say.code},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'nonce-" + password +
             "'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
        {"Referrer-Policy", "no-referrer"},
        {"Vary", "Accept-Language"},
        {"X-Content-Type-Options", "nosniff"},
    };
    return page;
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

namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool is_tag(std::string_view range, std::string_view tag) {
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    const auto primary = range.substr(0, range.find('-'));
    return std::equal(primary.begin(), primary.end(), tag.begin(), tag.end(), same);
}

}  // namespace

language preferred_language(std::string_view accept_language) {
    double wish_french = 0;
    double wish_english = 0;
    while (!accept_language.empty()) {
        const auto comma = std::min(accept_language.find(','), accept_language.size());
        const std::string_view item = accept_language.substr(0, comma);
        accept_language.remove_prefix(std::min(comma + 1, accept_language.size()));

        double weight = 1;
        if (const auto q = item.find("q="); q != item.npos)
            std::from_chars(item.data() + q + 2, item.data() + item.size(), weight);
        const std::string_view range = trimmed(item.substr(0, item.find(';')));
        if (is_tag(range, "fr")) wish_french = std::max(wish_french, weight);
        if (is_tag(range, "en") || range == "*") wish_english = std::max(wish_english, weight);
    }
    return wish_french > wish_english ? language::french : language::english;
}

}  // namespace health_check
