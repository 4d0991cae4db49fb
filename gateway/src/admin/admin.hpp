// The admin port: what the gateway is doing, for probes, Prometheus and people. Read only.
//
//   /livez      200 as long as this thread runs; never depends on an upstream
//   /readyz     503 while the gateway drains; ?verbose says what was looked at
//   /metrics    Prometheus text, version 0.0.4
//   /api/v1/snapshot   routes, breakers, upstreams and their endpoints, as JSON
//
// On a loopback address it answers only when Host is an IP address or localhost, so that a page in a browser cannot be
// made to ask (DNS rebinding). On any other all but the probes, /livez and /readyz, need the token, which such a page
// does not know; then Host does not matter. What a page of another site asks for (Origin, Sec-Fetch-Site) is refused
// everywhere, and so is, for a minute, a peer that has sent ten wrong tokens.
//
// Thread-safety: none; one reactor's thread. What it reads may be read from any thread.
#pragma once

#include "admin/bad_tokens.hpp"
#include "endpoints/health_checks.hpp"
#include "plan/plan.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/state_history.hpp"
#include "telemetry/traffic_metrics.hpp"

#include <fusebox/http/server.hpp>

#include <atomic>
#include <string>
#include <vector>

namespace fusebox::gateway {

// Where what is shown comes from.
struct admin_sources {
    const plan& serves;
    const std::atomic<bool>& draining;
    const health_checks& checks;
    const access_log* requests = nullptr;  // null when there is none
    const state_history* history = nullptr;
    std::vector<served_clients> clients{};
};

class admin final : public http::service {
public:
    explicit admin(const admin_sources& from) : from_(from) {}

    http::exchange* serve(http::server_connection& c) override;
    void refuse(http::server_connection& c, int status, std::string_view why) override;

private:
    const admin_sources from_;
    bad_tokens guessed_;
};

std::string metrics_text(const admin_sources& from, time_point now);
std::string snapshot_json(const admin_sources& from, time_point now);

}  // namespace fusebox::gateway
