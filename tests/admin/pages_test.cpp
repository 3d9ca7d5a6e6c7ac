#include "admin/pages.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "admin/scene.hpp"

namespace portier::admin {

namespace {

class PagesTest : public testing::Test {
protected:
    Page page(const std::string& path) const { return page_for(path, *scene_.board, scene_.series); }

    Scene scene_;
};

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

// /metrics is Prometheus' text format with our series.
TEST_F(PagesTest, Metrics) {
    const Page answer = page("/metrics");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_TRUE(has(answer.body, "portier_connections_accepted_total{port=\"7001/tcp\"} 10\n"));
}

// /healthz says that somebody answers; /readyz whether every handler is served, and if not, which is not.
TEST_F(PagesTest, HealthAndReadiness) {
    EXPECT_EQ(page("/healthz").status, 200u);
    EXPECT_EQ(page("/readyz").status, 503u);
    EXPECT_EQ(page("/readyz").body, "handler bread has no ready process\n");
    scene_.series.handlers.erase(scene_.series.handlers.begin() + 1);
    EXPECT_EQ(page("/readyz").status, 200u);
    EXPECT_EQ(page("/readyz").body, "ready\n");
}

// /api/status is the status as JSON.
TEST_F(PagesTest, Status) {
    const Page answer = page("/api/status");
    EXPECT_EQ(answer.content_type, "application/json");
    EXPECT_EQ(boost::json::parse(answer.body).at("ports").at(0).at("port"), "7001/tcp");
    EXPECT_EQ(answer.body.back(), '\n');
}

// The page for a person shows the same, and names from the configuration cannot become markup.
TEST_F(PagesTest, StatusPageEscapes) {
    scene_.series.handlers[1].name = "<script>&";
    const Page answer = page("/");
    EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
    EXPECT_TRUE(has(answer.body, "7001/tcp"));
    EXPECT_TRUE(has(answer.body, "! handler &lt;script&gt;&amp; has no ready process"));
    EXPECT_FALSE(has(answer.body, "<script>"));
}

// Every other path is told which ones there are.
TEST_F(PagesTest, OthersAreNotFound) {
    for (const char* path : {"", "/metrics/", "/METRICS", "/../etc/passwd", "/healthz2"}) {
        EXPECT_EQ(page(path).status, 404u) << path;
        EXPECT_TRUE(has(page(path).body, "/metrics")) << path;
    }
}

}  // namespace portier::admin
