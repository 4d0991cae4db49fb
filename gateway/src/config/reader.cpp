#include "config/reader.hpp"

#include "config/near_miss.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace fusebox::gateway::config {

namespace {

bool all_of(std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// True of what some version of YAML reads as a number, a time or a date: -1, 0x1F, 1_000, 1.5e3, 12:30, 2024-01-31.
bool looks_like_number(std::string_view text) {
    constexpr std::string_view digits = "0123456789_";
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (text.starts_with("0x") || text.starts_with("0o") || text.starts_with("0b"))
        return all_of(text.substr(2), "0123456789abcdef_");
    if (text == ".inf" || text == ".nan") return true;
    if (text.empty() || (text.find_first_of(digits) != 0 && !text.starts_with('.')) || text.starts_with('_'))
        return false;
    if (all_of(text, "0123456789_:") || (text.size() <= 10 && all_of(text, "0123456789-"))) return true;
    if (const auto e = text.find('e'); e != std::string_view::npos) {
        const auto exponent = text.substr(e + 1);
        if (!all_of(exponent.substr(exponent.find_first_of("+-") == 0 ? 1 : 0), digits)) return false;
        text = text.substr(0, e);
    }
    return all_of(text, "0123456789_.") && std::count(text.begin(), text.end(), '.') <= 1 && text != ".";
}

// True of a plain scalar that YAML readers, of whatever version, may take for something else than a text.
bool is_ambiguous(std::string_view text) {
    std::string lower{text};
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    static constexpr std::string_view words[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"};
    return std::find(std::begin(words), std::end(words), lower) != std::end(words) || looks_like_number(lower);
}

// Where, below a section, the option that validate() speaks of is written: by its own name or its alias, dots
// going down; else in one of the sections below. Follows the text as far as it goes.
struct place {
    const node* at;
    std::string path;
};

const key* find_option(const shape& s, std::string_view option) {
    for (const key& k : s.keys)
        if (k.option.empty() ? k.name == option : k.option == option) return &k;
    return nullptr;
}

place find_place(const shape& s, const node& n, std::string_view option) {
    const auto down = [&](const key& k) -> place {
        const node* child = n.find(k.name);
        return {child != nullptr ? child : &n, n.path.empty() ? k.name : n.path + "." + k.name};
    };
    if (const key* k = find_option(s, option)) return down(*k);
    if (const auto dot = option.find('.'); dot != std::string_view::npos) {
        if (const key* k = find_option(s, option.substr(0, dot))) {
            const place here = down(*k);
            if (here.at == &n || k->value.what != shape::kind::section) return here;
            return find_place(k->value, *here.at, option.substr(dot + 1));
        }
    }
    for (const key& k : s.keys) {
        if (k.value.what != shape::kind::section || find_option(k.value, option) == nullptr) continue;
        const place here = down(k);
        if (here.at != &n) return find_place(k.value, *here.at, option);
        return {&n, here.path + "." + find_option(k.value, option)->name};
    }
    return {&n, n.path};
}

}  // namespace

void reader::report(const node& n, std::string message) {
    if (!silent_) errors_.push_back({file_, n.at, n.path, std::move(message)});
}

void reader::wrong_type(const shape& s, const node& n) {
    if (n.what == node::kind::null) return report(n, "has no value; write one (" + s.type + "), or leave the key out");
    const char* is = n.what == node::kind::scalar     ? "a single value"
                     : n.what == node::kind::sequence ? "a list"
                                                      : "a mapping";
    const char* how = s.what == shape::kind::list  ? ", as [a, b], or a line beginning with - for each"
                      : s.is_single()              ? ""
                      : s.what == shape::kind::map ? ", as NAME: with what it is below"
                                                   : ", as { key: value }, or its keys below";
    std::string message = "is " + std::string{is} + "; write a value of the type \"" + s.type + "\"" + how;
    if (!s.policy.empty() && n.what == node::kind::scalar) message += ", or the name of a policy";
    report(n, std::move(message));
}

void reader::value(const shape& s, const node& n, void* into, const std::string& path) {
    origins_[path] = {n.at, n.variable};
    switch (s.what) {
        case shape::kind::section: return section(s, n, into, path);
        case shape::kind::list: return list(s, n, into, path);
        case shape::kind::map: return map(s, n, into, path);
        default: return single(s, n, into);
    }
}

void reader::single(const shape& s, const node& n, void* into) {
    if (n.what != node::kind::scalar) return wrong_type(s, n);
    const bool is_text = s.what == shape::kind::text;
    const bool plain = !n.quoted || !n.variable.empty();
    if (const auto at = control_character(n.text, s.has_lines)) return control(n, *at);
    if (!is_text && !plain)
        return report(n, in_quotes(n.text) + " is in quotes, which makes it a text; write it without");
    if (s.free_text && plain && n.variable.empty() && is_ambiguous(n.text))
        return report(n, n.text + " may be read as something else than text; write it in quotes: \"" + n.text + "\"");
    if (is_text && n.quoted && s.least && n.variable.empty() && read_integer(n.text))
        return report(n, in_quotes(n.text) + " is in quotes, which makes it a text; write it without");
    if (auto wrong = s.read(n.text, into); !wrong.empty()) report(n, std::move(wrong));
}

// Whatever the value is for, it may become a line of a message, of a log or of a metric.
void reader::control(const node& n, std::size_t at) {
    if (!n.ends_line.empty() && n.text.find_first_not_of("\r\n", at) == std::string::npos)
        return report(n, "ends with a line end, which the environment variable " + n.ends_line +
                             " has at its own end; remove it there: printf writes none, echo does");
    const std::string from = n.variable.empty() ? "" : ", from the environment variable " + n.variable + " perhaps";
    report(n, "has a control character, such as a line end, in place " + std::to_string(at + 1) + from +
                  "; write it without");
}

void reader::section(const shape& s, const node& n, void* into, const std::string& path) {
    if (n.what == node::kind::scalar && !s.shorthand.empty()) {
        const key& k = *s.find(s.shorthand);
        single(k.value, n, k.make(into));
        origins_[path + "." + k.name] = {n.at, n.variable};
    } else if (n.what == node::kind::scalar && !s.policy.empty() && !n.path.starts_with("policies.")) {
        return referred(s, n, into, path);
    } else if (n.what != node::kind::mapping) {
        return wrong_type(s, n);
    }
    report_unknown_keys(s, n);
    const std::size_t errors_before = errors_.size();
    for (const key& k : s.keys) {
        if (const node* child = n.find(k.name)) one_key(k, *child, into, path.empty() ? k.name : path + "." + k.name);
        else if (k.required && n.what == node::kind::mapping)
            report(n, "has no " + k.name + ", which it needs: " + k.doc);
    }
    if (s.finish) s.finish(into);
    // What validate() would say of values that could not be read is no help.
    if (s.validate && errors_.size() == errors_before)
        for (const auto& e : s.validate(into)) report_option(s, n, e);
}

void reader::one_key(const key& k, const node& n, void* section, const std::string& path) {
    if (n.what == node::kind::scalar && k.switch_off && n.text == "none" && !n.quoted) {
        k.switch_off(section);
        origins_[path] = {n.at, n.variable};
        return;
    }
    value(k.value, n, k.make(section), path);
}

// A name in place of a policy: what stands under that name is read as if it stood here.
void reader::referred(const shape& s, const node& n, void* into, const std::string& path) {
    const node* policies = document_.find("policies");
    const node* kind = policies != nullptr ? policies->find(s.policy) : nullptr;
    if (const node* policy = kind != nullptr ? kind->find(n.text) : nullptr) {
        used_.insert(policy->path);
        const bool outer = std::exchange(silent_, true);
        if (policy->what == node::kind::mapping) section(s, *policy, into, path);
        silent_ = outer;
        return;
    }
    const key* preset = s.find("preset");
    const auto& presets = preset != nullptr ? preset->value.choices : s.choices;
    if (std::find(presets.begin(), presets.end(), n.text) != presets.end())
        return report(n, in_quotes(n.text) + " is a preset, not a policy; write { preset: " + n.text + " }");
    std::vector<std::string> known;
    if (kind != nullptr)
        for (const node& c : kind->children) known.push_back(c.key);
    report(n, "there is no policy " + in_quotes(n.text) + " under policies." + s.policy + suggestion(n.text, known));
}

void reader::list(const shape& s, const node& n, void* into, const std::string& path) {
    s.empty(into);
    if (s.one_or_many && (n.what == node::kind::scalar)) return single(*s.element, n, s.add(into, {}));
    if (n.what != node::kind::sequence) return wrong_type(s, n);
    if (s.not_empty && n.children.empty()) report(n, "is an empty list, which nothing can match; leave it out for any");
    for (std::size_t i = 0; i < n.children.size(); ++i)
        value(*s.element, n.children[i], s.add(into, {}), path + "[" + std::to_string(i) + "]");
}

void reader::map(const shape& s, const node& n, void* into, const std::string& path) {
    s.empty(into);
    if (n.what != node::kind::mapping) return wrong_type(s, n);
    if (s.not_empty && n.children.empty()) report(n, "is empty, and says nothing; leave it out for any");
    for (const node& child : n.children) {
        if (child.key.empty()) report(child, "has an empty name");
        if (control_character(child.key)) report(child, "has a control character in its name; write it without");
        value(*s.element, child, s.add(into, child.key), path.empty() ? child.key : path + "." + child.key);
    }
}

void reader::report_unknown_keys(const shape& s, const node& n) {
    for (const node& child : n.children) {
        if (s.find(child.key) != nullptr || silent_) continue;
        errors_.push_back({file_, child.key_at, child.path,
                           "there is no key " + in_quotes(child.key) + " here" + suggestion(child.key, s.key_names())});
    }
}

void reader::report_option(const shape& s, const node& n, const config_error& e) {
    if (silent_) return;
    const place p = find_place(s, n, e.option);
    std::string message = e.value == "unset" ? e.expectation : e.value + " " + e.expectation;
    if (p.at == &n && e.value != "unset") message += "; it is not written here, so it has its default: write it too";
    errors_.push_back({file_, p.at->at, p.path, std::move(message)});
}

std::vector<std::string> reader::unused_policies() const {
    std::vector<std::string> unused;
    if (const node* policies = document_.find("policies"))
        for (const node& kind : policies->children)
            for (const node& policy : kind.children)
                if (!used_.contains(policy.path)) unused.push_back(policy.path);
    return unused;
}

}  // namespace fusebox::gateway::config
