#include "app/key_place.hpp"

#include <CLI/CLI.hpp>

namespace vibrato::app {

void add_key_place(CLI::App& app, KeyPlace& place) {
  CLI::Option* const folder = app.add_option("--data-dir", place.data_dir, "the folder of the database");
  folder->type_name("FOLDER")->capture_default_str();
  add_remote_flags(app, place.remote, "ask this server, in place of a folder")->excludes(folder);
}

}  // namespace vibrato::app
