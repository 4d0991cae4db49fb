#include <orders/notification_service.hpp>

#include <algorithm>

namespace orders {

namespace {

constexpr std::size_t most_kept = 100;

}  // namespace

stage::routes notification_service::routes() {
    return {
        {"GET /health", [](const request&) { return healthy(); }},
        {"POST /notifications/email", [this](const request& asked) { return send(asked); }},
        {"GET /notifications", [this](const request&) { return list(); }},
    };
}

response notification_service::send(const request& asked) {
    const auto object = read_object(asked.body);
    if (!object) return detail(422, object.error());
    mail m{.key = std::string(asked.get("Idempotency-Key")), .to = "", .subject = "", .content = ""};
    for (const auto& [name, part] :
         {std::pair{"to", &m.to}, std::pair{"subject", &m.subject}, std::pair{"content", &m.content}}) {
        const auto text = read_text(*object, name, "");
        if (!text) return detail(422, text.error());
        *part = *text;
    }
    if (!m.to.contains('@')) return detail(422, "to must be an address of e-mail");
    const bool again = !m.key.empty() && std::ranges::any_of(sent_, [&](const mail& s) { return s.key == m.key; });
    if (!again) sent_.push_back(std::move(m));
    if (sent_.size() > most_kept) sent_.pop_front();
    return answer(200, json{{"status", "sent"}});
}

response notification_service::list() const {
    json all = json::array();
    for (const auto& m : sent_) all.push_back(json{{"to", m.to}, {"subject", m.subject}, {"content", m.content}});
    return answer(200, all);
}

}  // namespace orders
