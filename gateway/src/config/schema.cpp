// The table as a JSON Schema (draft 7), and as Markdown.
#include "config/shape.hpp"
#include "config/table.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#include <nlohmann/json.hpp>

namespace fusebox::gateway {

namespace config {

namespace {

using json = nlohmann::ordered_json;

json reference(const std::string& definition) {
    return {{"$ref", "#/definitions/" + definition}};
}

json any_of(json first, json second) {
    if (!first.contains("anyOf")) first = {{"anyOf", json::array({std::move(first)})}};
    first["anyOf"].push_back(std::move(second));
    return first;
}

class schema_writer {
public:
    json root(const shape& s) {
        json out = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Fusebox gateway"}};
        out.update(of(s));
        definitions_["environment"] = {{"type", "string"},
                                       {"pattern", "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}"},
                                       {"description", "A value from the environment: ${NAME} or ${NAME:-default}."}};
        out["definitions"] = definitions_;
        return out;
    }

private:
    json of(const shape& s) {
        switch (s.what) {
            case shape::kind::section: return section(s);
            case shape::kind::list: return list(s);
            case shape::kind::map: {
                json out = {{"type", "object"}, {"additionalProperties", of(*s.element)}};
                if (s.not_empty) out["minProperties"] = 1;
                return out;
            }
            default: return any_of(single(s), reference("environment"));
        }
    }

    static json single(const shape& s) {
        json out;
        switch (s.what) {
            case shape::kind::boolean: return {{"type", "boolean"}};
            case shape::kind::integer:
            case shape::kind::number:
                out["type"] = s.what == shape::kind::integer ? "integer" : "number";
                out["minimum"] = *s.least;
                out["maximum"] = *s.most;
                if (s.what == shape::kind::integer) {
                    out["minimum"] = static_cast<std::int64_t>(*s.least);
                    out["maximum"] = static_cast<std::int64_t>(*s.most);
                }
                return out;
            default: break;
        }
        if (!s.choices.empty()) return {{"enum", s.choices}};
        out["type"] = "string";
        if (!s.pattern.empty()) out["pattern"] = s.pattern;
        if (!s.least) return out;
        return any_of(std::move(out), {{"type", "integer"},
                                       {"minimum", static_cast<std::int64_t>(*s.least)},
                                       {"maximum", static_cast<std::int64_t>(*s.most)}});
    }

    json list(const shape& s) {
        json one = of(*s.element);
        json out = {{"type", "array"}, {"items", one}};
        if (s.not_empty) out["minItems"] = 1;
        return s.one_or_many ? any_of(std::move(out), std::move(one)) : out;
    }

    // A policy is described once, and referred to by routes and by `policies`.
    json section(const shape& s) {
        if (s.policy.empty()) return object(s);
        if (!definitions_.contains(s.policy)) {
            definitions_[s.policy] = nullptr;  // keeps its place
            definitions_[s.policy] = object(s);
        }
        return reference(s.policy);
    }

    json object(const shape& s) {
        json properties = json::object();
        json required = json::array();
        for (const key& k : s.keys) {
            properties[k.name] = property(k);
            if (k.required) required.push_back(k.name);
        }
        json out = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
        if (!required.empty()) out["required"] = std::move(required);
        if (s.shorthand.empty()) return out;
        return any_of(std::move(out), of(s.find(s.shorthand)->value));
    }

    json property(const key& k) {
        json out = of(k.value);
        if (k.switch_off) out = any_of(std::move(out), {{"const", "none"}});
        if (!k.value.policy.empty())
            out = any_of(std::move(out), {{"type", "string"}, {"description", "The name of a policy."}});
        if (out.contains("$ref"))
            out = {{"allOf", json::array({std::move(out)})}};  // or draft 7 ignores what is beside
        out["description"] = k.doc;
        return out;
    }

    json definitions_ = json::object();
};

// -- Markdown.

std::string anchor_of(const std::string& name) {
    std::string out = name;
    for (char& c : out)
        if (c == ' ') c = '-';
    return out;
}

std::string type_text(const shape& s) {
    if (s.choices.empty()) {
        if (s.what == shape::kind::integer || s.what == shape::kind::number)
            return s.type + ", " + write_number(*s.least) + " to " + write_number(*s.most);
        return s.type;
    }
    std::string all;
    for (const auto& c : s.choices) all += (all.empty() ? "`" : ", `") + c + "`";
    return all;
}

class reference_writer {
public:
    std::string write(const shape& s) {
        pending_.push_back({&s, "The file"});
        for (std::size_t i = 0; i < pending_.size(); ++i) section(*pending_[i].first, std::string{pending_[i].second});
        return std::move(out_);
    }

private:
    void section(const shape& s, const std::string& title) {
        out_ += "### " + title + "\n\n";
        if (!s.shorthand.empty()) out_ += "A single value stands for `" + s.shorthand + "`.\n\n";
        if (!s.policy.empty())
            out_ += "The name of a policy under `policies." + s.policy + "` may stand in its place.\n\n";
        out_ += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for (const key& k : s.keys) {
            std::string type = link(k);
            if (k.switch_off && k.value.what != shape::kind::section) type += ", or `none`";
            out_ += "| `" + k.name + "` | " + type + " | " + default_of(s, k) + " | " + k.doc + " |\n";
        }
        out_ += "\n";
    }

    std::string link(const key& k) {
        const shape* s = &k.value;
        std::string prefix;
        for (; s->element && !s->texts; s = s->element.get())
            prefix += s->what == shape::kind::map ? "mapping of names to: " : "list of: ";
        if (s->what != shape::kind::section) return prefix + type_text(*s);
        // A section is described once, under the name of its type.
        bool known = false;
        for (const auto& [other, title] : pending_) known = known || title == s->type;
        if (!known) pending_.push_back({s, s->type});
        return prefix + "[" + s->type + "](#" + anchor_of(s->type) + ")";
    }

    static std::string default_of(const shape& s, const key& k) {
        if (k.required) return "required";
        const void* value = k.find(s.defaults.get());
        if (value == nullptr) return k.switch_off ? "`none`" : "";
        if (k.value.what == shape::kind::section || k.value.what == shape::kind::map) return "";
        if (k.value.is_single()) {
            const std::string text = k.value.write(value);
            return text.empty() ? "" : "`" + text + "`";
        }
        std::string all;
        if (k.value.texts)
            for (const auto& text : k.value.texts(value)) all += (all.empty() ? "" : ", ") + text;
        return "`[" + all + "]`";
    }

    std::string out_;
    std::vector<std::pair<const shape*, std::string>> pending_;
};

}  // namespace

}  // namespace config

std::string configuration_schema() {
    return config::schema_writer{}.root(config::table()).dump(2) + "\n";
}

std::string configuration_reference() {
    return config::reference_writer{}.write(config::table());
}

}  // namespace fusebox::gateway
