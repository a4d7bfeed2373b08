// The reference page and the status page, and the part of YAML that the description is written in.
#include "api/reference_page.hpp"

#include <gtest/gtest.h>
#include <string>

#include "api/html_text.hpp"
#include "api/pages.hpp"
#include "api/yaml_text.hpp"
#include "support/described_routes.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::api {
namespace {

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST(YamlText, blocks_flows_quotes_and_texts_are_read) {
  const auto read = parse_yaml(
      "a: plain, with: colons\n"
      "\"200\":\n"
      "  - $ref: '#/b'\n"
      "    c: \"q \\\" 'x'\"\n"
      "  - {d: [e, {f: g}], \"h\": 1}\n"
      "text: |\n"
      "  one\n"
      "    deeper\n"
      "\n"
      "  last\n"
      "example: {\"a\": [1, 2]}\n"
      "none: []\n");
  ASSERT_OK(read);
  EXPECT_EQ(*read, YamlValue::parse(R"({"a":"plain, with: colons",
      "200":[{"$ref":"#/b","c":"q \" 'x'"},{"d":["e",{"f":"g"}],"h":"1"}],
      "text":"one\n  deeper\n\nlast\n","example":"{\"a\": [1, 2]}","none":[]})"));
}

TEST(YamlText, what_is_not_understood_is_named_by_its_line) {
  for (const std::string text :
       {"a: 1\nb\n", "a:\n  - x\n  b: 1\n", "a: 1\nb: {c: 1\n", "a: 1\nb: \"c\n", "a: 1\nb:\n"}) {
    const auto read = parse_yaml(text);
    EXPECT_CODE(read, ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(parse_yaml("a: 1\nb: {c: 1\n").status().message(), "line 2: this is not understood");
  EXPECT_CODE(parse_yaml("a: " + std::string(100'000, '[')), ErrorCode::kInvalidArgument);
}

TEST(HtmlText, nothing_of_a_text_becomes_a_tag) {
  EXPECT_EQ(escape_html("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
  EXPECT_EQ(inline_html("as `<b>` and `c"), "as <code>&lt;b&gt;</code> and <code>c</code>");
  EXPECT_EQ(paragraphs_of("a\nb\n\nc\n"), "<p>a\nb</p>\n<p>c\n</p>\n");
  EXPECT_EQ(anchor_of("GET/v1/{c}/x_y"), "GET-v1-c-x-y");
}

TEST(ReferencePage, has_every_route_with_its_statuses_and_leads_nowhere_else) {
  const std::string page(reference_page());
  for (const test::DescribedRoute& route : test::described_routes(kOpenapiYaml)) {
    const std::string anchor = anchor_of(route.method + route.path);
    const std::size_t at = page.find("<h3 id=\"" + anchor + "\">");
    ASSERT_NE(at, std::string::npos) << anchor;
    EXPECT_EQ(count_of(page, "id=\"" + anchor + "\""), 1U) << anchor;
    EXPECT_NE(page.find("href=\"#" + anchor + "\""), std::string::npos) << anchor;
    const std::string section = page.substr(at, page.find("<h3 ", at + 1) - at);
    for (const int status : route.statuses) {
      EXPECT_NE(section.find("<b>" + std::to_string(status) + "</b>"), std::string::npos) << anchor << " " << status;
    }
    EXPECT_NE(section.find(escape_html(route.body)), std::string::npos) << anchor;
  }
  for (const std::string_view forbidden : {"<script", "http://", "https://", "src=", "@import", "url("}) {
    EXPECT_EQ(page.find(forbidden), std::string::npos) << forbidden;
  }
}

TEST(ReferencePage, links_lead_to_what_is_there_and_tags_are_closed) {
  const std::string page(reference_page());
  for (auto at = page.find("href=\"#"); at != std::string::npos; at = page.find("href=\"#", at + 1)) {
    const std::string anchor = page.substr(at + 7, page.find('"', at + 7) - at - 7);
    EXPECT_EQ(count_of(page, "id=\"" + anchor + "\""), 1U) << anchor;
  }
  for (const std::string tag : {"table", "tr", "td", "th", "p", "pre", "code", "a", "h2", "h3", "h4", "b", "span"}) {
    EXPECT_EQ(count_of(page, "<" + tag + ">") + count_of(page, "<" + tag + " "), count_of(page, "</" + tag + ">"))
        << tag;
  }
}

TEST(StatusPage, says_how_it_is_in_text_alone) {
  const std::string ready = status_page({.is_ready = true, .collections = 3});
  EXPECT_NE(ready.find("<b>ready</b>"), std::string::npos);
  EXPECT_NE(ready.find("<td>Collections</td><td>3</td>"), std::string::npos);
  const std::string not_ready = status_page({.is_ready = false, .reasons = {"a <b> \"c\""}, .progress = 0.5});
  EXPECT_NE(not_ready.find("not ready, 50 % of the log replayed"), std::string::npos);
  EXPECT_NE(not_ready.find("<li>a &lt;b&gt; &quot;c&quot;</li>"), std::string::npos);
}

}  // namespace
}  // namespace vibrato::api
