// The configuration in force as YAML, by the table, each value with its origin behind it.
#include "config/shape.hpp"
#include "config/table.hpp"

#include <fusebox/gateway/configuration_file.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace fusebox::gateway {

namespace config {

namespace {

std::string double_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') (out += '\\') += c;
        else if (c == '\n') out += "\\n";
        else if (c == '$') out += "$$";
        else if (u < 0x20 || u == 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", u);
            out += hex;
        } else out += c;
    }
    return out + '"';
}

std::string as_yaml(const shape& s, const std::string& text) {
    const bool plain =
        !s.free_text && !text.empty() && std::isalnum(static_cast<unsigned char>(text.front())) != 0 &&
        std::all_of(text.begin(), text.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || std::string_view{"_./%:-"}.find(char(c)) != std::string_view::npos;
        });
    return plain ? text : double_quoted(text);
}

class printer {
public:
    explicit printer(const checked_configuration& checked) : in_(checked) {}

    std::string print(const shape& s, const void* object) {
        section(s, object, {}, {}, {});
        return std::move(out_);
    }

private:
    // `lead` begins the first line only: the dash of a list.
    void section(const shape& s, const void* object, const std::string& path, const std::string& indent,
                 const std::string& outer_preset, std::string lead = {}) {
        const std::string preset = s.preset ? s.preset(object) : outer_preset;
        for (const key& k : s.keys) {
            if (path.empty() && k.name == "policies") continue;  // written out where they are used
            const void* value = k.find(object);
            if (value == nullptr && !k.switch_off) continue;
            if (value != nullptr && is_left_out(k.value, value)) continue;
            const std::string here = path.empty() ? k.name : path + "." + k.name;
            out_ += indent.substr(0, indent.size() - lead.size()) + lead + k.name + ":";
            lead.clear();
            if (value == nullptr) line(" none", origin_of(s, k, here, {}, preset));
            else if (k.secret && !k.value.write(value).empty()) line(" \"***\"", "hidden");
            else one(s, k, value, here, indent, preset);
        }
    }

    // What would be refused if it were written, as it says nothing.
    static bool is_left_out(const shape& v, const void* value) {
        return v.not_empty && (v.texts ? v.texts(value).empty() : v.size(value) == 0);
    }

    void one(const shape& s, const key& k, const void* value, const std::string& path, const std::string& indent,
             const std::string& preset) {
        const shape& v = k.value;
        if (v.is_single()) {
            const std::string text = v.write(value);
            line(" " + as_yaml(v, text), origin_of(s, k, path, text, preset));
        } else if (v.what == shape::kind::section) {
            out_ += "\n";
            section(v, value, path, indent + "  ", preset);
        } else if (v.texts) {
            std::string all;
            for (const auto& text : v.texts(value)) all += (all.empty() ? "" : ", ") + as_yaml(*v.element, text);
            line(" [" + all + "]", origin_of(s, k, path, all, preset));
        } else {
            elements(v, value, path, indent);
        }
    }

    void elements(const shape& v, const void* value, const std::string& path, const std::string& indent) {
        const std::size_t n = v.size(value);
        if (n == 0) return line(v.what == shape::kind::map ? " {}" : " []", written(path) ? place(path) : "default");
        out_ += "\n";
        for (std::size_t i = 0; i < n; ++i) {
            const void* item = v.item(value, i);
            if (v.what == shape::kind::list) {
                section(*v.element, item, path + "[" + std::to_string(i) + "]", indent + "    ", {}, "- ");
                continue;
            }
            const std::string name = v.name(value, i);
            out_ += indent + "  " + double_quoted(name) + ":";
            if (v.element->is_single()) {
                line(" " + as_yaml(*v.element, v.element->write(item)), place(path + "." + name));
            } else {
                out_ += "\n";
                section(*v.element, item, path + "." + name, indent + "    ", {});
            }
        }
    }

    bool written(const std::string& path) const { return in_.origins.contains(path); }

    // Of what is written.
    std::string place(const std::string& path) const {
        const auto found = in_.origins.find(path);
        if (found == in_.origins.end()) return "default";
        const std::string at = in_.file + ":" + std::to_string(found->second.at.line);
        return found->second.variable.empty() ? at : "environment " + found->second.variable + ", " + at;
    }

    std::string origin_of(const shape& s, const key& k, const std::string& path, const std::string& text,
                          const std::string& preset) const {
        if (written(path)) return place(path);
        if (preset.empty()) return "default";
        const void* standard = k.find(s.defaults.get());
        const std::string default_text = standard == nullptr || !k.value.is_single() ? "" : k.value.write(standard);
        return text == default_text ? "default" : "preset " + preset;
    }

    void line(const std::string& value, const std::string& comment) { out_ += value + "  # " + comment + "\n"; }

    const checked_configuration& in_;
    std::string out_;
};

}  // namespace

}  // namespace config

std::string effective_yaml(const checked_configuration& checked) {
    const config::file_content content{checked.value, {}};
    return config::printer{checked}.print(config::table(), &content);
}

}  // namespace fusebox::gateway
