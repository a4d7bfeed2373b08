#include "api/reference_page.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "api/html_text.hpp"
#include "api/yaml_text.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kReferenceStyle = R"css(
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --link: #8ab4f8; } body { background: #121314; color: #e3e3e3; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); } h3 { margin: 2.5rem 0 .3rem; } h4 { margin: 1rem 0 .2rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--soft); padding: .6rem .8rem; border-radius: 6px; margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.method { font: 600 14px ui-monospace, monospace; padding: .1rem .4rem; border-radius: 4px; background: var(--soft); }
.role { font-weight: 400; font-size: 14px; opacity: .75; } .note { opacity: .8; font-size: 14px; }
)css";

constexpr std::array<std::string_view, 5> kMethods = {"get", "put", "post", "patch", "delete"};

struct DescribedOperation {
  std::string method;  // In capitals.
  std::string path;
  const YamlValue* value = nullptr;

  [[nodiscard]] std::string anchor() const { return anchor_of(method + path); }
};

std::string text_of(const YamlValue& value, const char* name) {
  const auto found = value.is_object() ? value.find(name) : value.end();
  return value.is_object() && found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const YamlValue& member_of(const YamlValue& value, const char* name) {
  static const YamlValue none = YamlValue::object();
  const auto found = value.is_object() ? value.find(name) : value.end();
  return value.is_object() && found != value.end() ? *found : none;
}

class Page {
 public:
  explicit Page(YamlValue description) : root_(std::move(description)) {}

  std::string render() {
    gather();
    html_ = fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<title>vibratod: reference</title>\n<style>{}</style>\n"
        "</head>\n<body>\n<h1>vibratod: reference</h1>\n",
        kReferenceStyle);
    html_ += "<p>Made from <a href=\"/openapi.yaml\">openapi.yaml</a>. <a href=\"/\">Status</a></p>\n";
    html_ += paragraphs_of(text_of(member_of(root_, "info"), "description"));
    contents();
    for (const std::string& tag : tags_) {
      html_ += fmt::format("<h2 id=\"{}\">{}</h2>\n", anchor_of(tag), escape_html(tag));
      for (const DescribedOperation& operation : operations_) {
        if (tag_of(operation) == tag) add_operation(operation);
      }
    }
    add_shared_answers();
    html_ += "<h2 id=\"schemas\">Schemas</h2>\n";
    for (const auto& [name, schema] : member_of(member_of(root_, "components"), "schemas").items()) {
      add_schema(name, schema);
    }
    return std::move(html_) + "</body>\n</html>\n";
  }

 private:
  void gather() {
    for (const auto& [path, methods] : member_of(root_, "paths").items()) {
      for (const std::string_view method : kMethods) {
        const std::string name(method);
        if (!methods.contains(name)) continue;
        std::string capitals = name;
        std::ranges::transform(capitals, capitals.begin(), [](char c) { return static_cast<char>(c - ('a' - 'A')); });
        operations_.push_back({capitals, path, &methods[name]});
        const std::string tag = tag_of(operations_.back());
        if (std::ranges::find(tags_, tag) == tags_.end()) tags_.push_back(tag);
      }
    }
  }

  static std::string tag_of(const DescribedOperation& operation) {
    const YamlValue& tags = member_of(*operation.value, "tags");
    return tags.is_array() && !tags.empty() && tags[0].is_string() ? tags[0].get<std::string>() : "others";
  }

  // What a `$ref` stands for; the value itself if it is none.
  const YamlValue& resolve(const YamlValue& value) const {
    const std::string ref = text_of(value, "$ref");
    if (!ref.starts_with("#/components/")) return value;
    const std::size_t slash = ref.rfind('/');
    const std::string kind = ref.substr(13, slash - 13);
    return member_of(member_of(member_of(root_, "components"), kind.c_str()), ref.substr(slash + 1).c_str());
  }

  void contents() {
    html_ += "<table>\n<tr><th>Route</th><th>Role</th><th></th></tr>\n";
    for (const std::string& tag : tags_) {
      html_ +=
          fmt::format("<tr><th colspan=\"3\"><a href=\"#{}\">{}</a></th></tr>\n", anchor_of(tag), escape_html(tag));
      for (const DescribedOperation& operation : operations_) {
        if (tag_of(operation) != tag) continue;
        html_ += fmt::format("<tr><td><a href=\"#{}\"><code>{} {}</code></a></td><td>{}</td><td>{}</td></tr>\n",
                             operation.anchor(), operation.method, escape_html(operation.path),
                             escape_html(text_of(*operation.value, "x-role")),
                             escape_html(text_of(*operation.value, "summary")));
      }
    }
    html_ += "</table>\n<p><a href=\"#errors\">Errors</a>, <a href=\"#schemas\">Schemas</a></p>\n";
  }

  void add_operation(const DescribedOperation& operation) {
    const YamlValue& value = *operation.value;
    html_ += fmt::format(
        "<h3 id=\"{}\"><span class=\"method\">{}</span> <code>{}</code> <span class=\"role\">{}</span></h3>\n",
        operation.anchor(), operation.method, escape_html(operation.path), escape_html(text_of(value, "x-role")));
    html_ += fmt::format("<p><b>{}.</b></p>\n", escape_html(text_of(value, "summary")));
    html_ += paragraphs_of(text_of(value, "description"));
    add_parameters(member_of(value, "parameters"));
    if (const YamlValue& content = member_of(member_of(value, "requestBody"), "content"); !content.empty()) {
      html_ += "<h4>Body</h4>\n";
      add_content(content);
    }
    html_ += "<h4>Answers</h4>\n<table>\n";
    for (const auto& [status, answer] : member_of(value, "responses").items()) add_answer(status, answer);
    html_ += "</table>\n";
  }

  void add_parameters(const YamlValue& parameters) {
    if (parameters.empty()) return;
    html_ += "<h4>Parameters</h4>\n<table>\n";
    for (const YamlValue& listed : parameters) {
      const YamlValue& parameter = resolve(listed);
      html_ += fmt::format("<tr><td><code>{}</code></td><td>{}{}</td><td>{}</td><td>{}</td></tr>\n",
                           escape_html(text_of(parameter, "name")), escape_html(text_of(parameter, "in")),
                           text_of(parameter, "required") == "true" ? ", needed" : "",
                           type_of(member_of(parameter, "schema")), inline_html(text_of(parameter, "description")));
    }
    html_ += "</table>\n";
  }

  // Of each media type its schema and its example.
  void add_content(const YamlValue& content) {
    for (const auto& [type, media] : content.items()) {
      html_ += fmt::format("<p><code>{}</code>: {}</p>\n", escape_html(type), type_of(member_of(media, "schema")));
      if (const std::string example = text_of(media, "example"); !example.empty()) {
        html_ += fmt::format("<pre>{}</pre>\n", escape_html(example));
      }
    }
  }

  // An answer that many routes share has its example in one place.
  void add_answer(const std::string& status, const YamlValue& listed) {
    const YamlValue& answer = resolve(listed);
    html_ += fmt::format("<tr><td><b>{}</b></td><td>{}", escape_html(status == "default" ? "other" : status),
                         inline_html(text_of(answer, "description")));
    if (const std::string ref = text_of(listed, "$ref"); ref.empty()) {
      add_content(member_of(answer, "content"));
    } else {
      html_ += fmt::format(" <a href=\"#{}\">Example</a>", anchor_of("answer-" + ref.substr(ref.rfind('/') + 1)));
    }
    html_ += "</td></tr>\n";
  }

  void add_shared_answers() {
    html_ += "<h2 id=\"errors\">Errors</h2>\n";
    for (const auto& [name, answer] : member_of(member_of(root_, "components"), "responses").items()) {
      html_ += fmt::format("<h3 id=\"{}\">{}</h3>\n", anchor_of("answer-" + name), escape_html(name));
      html_ += paragraphs_of(text_of(answer, "description"));
      add_content(member_of(answer, "content"));
    }
  }

  // What a value is, on one line.
  std::string type_of(const YamlValue& schema) const {
    if (const std::string ref = text_of(schema, "$ref"); !ref.empty()) {
      const std::string name = ref.substr(ref.rfind('/') + 1);
      return fmt::format("<a href=\"#{}\">{}</a>", anchor_of("schema-" + name), escape_html(name));
    }
    for (const char* const many : {"oneOf", "allOf"}) {
      if (const YamlValue& choices = member_of(schema, many); choices.is_array()) {
        std::string text;
        for (const YamlValue& choice : choices) text += (text.empty() ? "" : " or ") + type_of(choice);
        return text;
      }
    }
    const std::string type = text_of(schema, "type");
    std::string text = type.empty() ? "any JSON" : escape_html(type);
    if (type == "array") text = "array of " + type_of(member_of(schema, "items"));
    if (const YamlValue& values = member_of(schema, "enum"); values.is_array()) {
      text.clear();
      for (const YamlValue& value : values)
        text += (text.empty() ? "<code>" : " | <code>") + inner_text(value) + "</code>";
    }
    return text + bounds_of(schema);
  }

  static std::string inner_text(const YamlValue& value) {
    return escape_html(value.is_string() ? value.get<std::string>() : value.dump());
  }

  static std::string bounds_of(const YamlValue& schema) {
    std::string text;
    for (const auto& [name, said] :
         {std::pair("minimum", "from"), std::pair("maximum", "to"), std::pair("minItems", "items from"),
          std::pair("maxItems", "items to"), std::pair("minLength", "bytes from"), std::pair("maxLength", "bytes to"),
          std::pair("pattern", "like"), std::pair("default", "default")}) {
      const auto found = schema.is_object() ? schema.find(name) : schema.end();
      if (schema.is_object() && found != schema.end())
        text += fmt::format(", {} <code>{}</code>", said, inner_text(*found));
    }
    return text + (text_of(schema, "nullable") == "true" ? ", or null" : "");
  }

  void add_schema(const std::string& name, const YamlValue& schema) {
    html_ += fmt::format("<h3 id=\"{}\">{}</h3>\n", anchor_of("schema-" + name), escape_html(name));
    html_ += paragraphs_of(text_of(schema, "description"));
    if (!schema.contains("properties")) {
      html_ += fmt::format("<p>{}</p>\n", type_of(schema));
      return;
    }
    add_properties(schema);
  }

  void add_properties(const YamlValue& schema) {
    const YamlValue& required = member_of(schema, "required");
    html_ += "<table>\n";
    for (const auto& [name, property] : member_of(schema, "properties").items()) {
      const bool is_needed = required.is_array() && std::ranges::find(required, YamlValue(name)) != required.end();
      html_ +=
          fmt::format("<tr><td><code>{}</code>{}</td><td>{}</td><td>{}", escape_html(name), is_needed ? ", needed" : "",
                      type_of(property), inline_html(text_of(property, "description")));
      const YamlValue& items = member_of(property, "items");
      if (property.contains("properties")) add_properties(property);
      if (items.contains("properties")) add_properties(items);
      html_ += "</td></tr>\n";
    }
    html_ += "</table>\n";
  }

  const YamlValue root_;
  std::vector<DescribedOperation> operations_;
  std::vector<std::string> tags_;  // In the order in which they first come.
  std::string html_;
};

}  // namespace

Result<std::string> render_reference(std::string_view openapi_yaml) {
  VIBRATO_ASSIGN_OR_RETURN(YamlValue description, parse_yaml(openapi_yaml));
  return Page(std::move(description)).render();
}

}  // namespace vibrato::api
